/**
 * Which addresses a fetch may go to: those of the public internet, and no others. Whatever is not known to be public is refused; an IPv4 address
 * that is written inside an IPv6 one counts as what it is.
 */
import { BlockList, isIP } from "node:net"

/** IANA's special-purpose registries: this host, private, loopback, link-local with the metadata services, documentation, multicast, reserved. */
const CLOSED_V4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]

/** Only 2000::/3 is given out at all; of that, protocols, documentation and what leads on to an IPv4 address (6to4, Teredo). */
const CLOSED_V6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]

const closedV4 = new BlockList()
for (const [net, prefix] of CLOSED_V4) closedV4.addSubnet(net, prefix, "ipv4")
const closedV6 = new BlockList()
for (const [net, prefix] of CLOSED_V6) closedV6.addSubnet(net, prefix, "ipv6")
const openV6 = new BlockList()
openV6.addSubnet("2000::", 3, "ipv6")
const mapped = new BlockList()
mapped.addSubnet("::ffff:0:0", 96, "ipv6")

/** @param address as `dns.lookup` gives it, or a literal without brackets */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !closedV4.check(address, "ipv4")
  if (family !== 6 || address.includes("%")) return false
  // A BlockList takes a mapped address for the IPv4 address in it.
  if (mapped.check(address, "ipv6")) return !closedV4.check(address, "ipv6")
  return openV6.check(address, "ipv6") && !closedV6.check(address, "ipv6")
}
