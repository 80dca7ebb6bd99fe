/**
 * Proxies that are believed when they say whom they speak for (`X-Forwarded-For`). None unless they are named: a header is whatever its sender likes. Of a chain the last address that is no trusted
 * proxy's counts, so that what a client has written before it does not.
 */
import { BlockList, isIP } from "node:net"
import type { FastifyBaseLogger, FastifyRequest } from "fastify"
import * as z from "zod"

const RULE =
  "expected addresses and networks of proxies such as 127.0.0.1,10.0.0.0/8,fd00::/8, with commas between them; not a network of everybody"

/** As `STORED_TRUSTED_PROXIES` says it; absent: none. */
export const trustedProxiesSchema = z
  .string()
  .default("")
  .transform((text, context): readonly string[] => {
    const each = text
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== "")
    if (each.every(isNetwork)) return each
    context.issues.push({ code: "custom", input: text, message: RULE })
    return z.NEVER
  })

function isNetwork(text: string): boolean {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  if (family === 0 || address.includes("%")) return false
  return bits === undefined || (Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128))
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4")
LOOPBACK.addAddress("::1", "ipv6")

/** Says once that somebody on this host speaks for others and is not believed: then all of them have one address, and one of them can keep the administrator out. */
export function warnOfUnnamedProxy(
  log: Pick<FastifyBaseLogger, "warn">,
  trusted: readonly string[],
): (request: FastifyRequest) => void {
  let isSaid = trusted.length > 0
  return ({ headers, raw }) => {
    if (isSaid || headers["x-forwarded-for"] === undefined) return
    const { remoteAddress = "" } = raw.socket
    if (!LOOPBACK.check(remoteAddress, remoteAddress.includes(":") ? "ipv6" : "ipv4")) return
    isSaid = true
    log.warn(
      { address: remoteAddress },
      "requests come by a proxy that STORED_TRUSTED_PROXIES does not name: all of its visitors count as one address",
    )
  }
}
