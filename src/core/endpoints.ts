/**
 * Where on the network backends may be (RELIABILITY §5, decision 0014). Whoever may add a backend has this process connect to an address of their choice:
 * to link-local ones, where clouds keep their metadata services, it never does; to others as the rule says. What counts is the address that is connected to,
 * whatever name led there.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns"
import { BlockList, isIP, type LookupFunction } from "node:net"
import * as z from "zod"
import { StoredError } from "./error.ts"
import { isPublicAddress } from "./public-address.ts"

/**
 * `any`: everything but what is never allowed; `public`: addresses of the public internet; a list: these origins (`https://host:port`), wherever they are.
 * Without an endpoint of its own a backend is with its provider, which every rule allows.
 */
export type EndpointRule = "any" | "public" | readonly string[]

/** Resolves names, as `dns.lookup`. */
export type Lookup = (
  host: string,
  options: LookupOptions,
  done: (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void,
) => void

/** Link-local, with AWS's, Google's, and most others' metadata; metadata of Alibaba, Azure, Oracle; nobody's and everybody's addresses. */
const NEVER_V4: readonly (readonly [string, number])[] = [
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["192.0.0.192", 32],
  ["224.0.0.0", 4],
  ["255.255.255.255", 32],
]
/** The same, metadata of AWS and Google, and link-local addresses of IPv4 in those of gateways (NAT64, 6to4). */
const NEVER_V6: readonly (readonly [string, number])[] = [
  ["fe80::", 10],
  ["ff00::", 8],
  ["fd00:ec2::254", 128],
  ["fd20:ce::254", 128],
  ["64:ff9b::a9fe:0", 112],
  ["2002:a9fe::", 32],
]

const never = new BlockList()
for (const [net, prefix] of NEVER_V4) never.addSubnet(net, prefix, "ipv4")
for (const [net, prefix] of NEVER_V6) never.addSubnet(net, prefix, "ipv6")

export class Endpoints {
  readonly #rule: EndpointRule
  readonly #resolve: Lookup

  constructor(rule: EndpointRule = "any", resolve: Lookup = systemLookup as Lookup) {
    this.#rule = rule
    this.#resolve = resolve
  }

  /** Whether an endpoint may be named at all. Names are looked at when they are resolved. @throws StoredError INVALID_CONFIG */
  requireOrigin(endpoint: string): void {
    const url = new URL(endpoint)
    if (typeof this.#rule !== "string" && !this.#rule.includes(url.origin)) throw refusal(url.origin)
    this.requireHost(url.hostname)
  }

  /** Whether a host may be connected to, as far as it is an address and no name. @throws StoredError INVALID_CONFIG */
  requireHost(host: string): void {
    const address = host.replace(/^\[|\]$/g, "")
    if (isIP(address) !== 0 && !this.#allows(address)) throw refusal(host)
  }

  /** The addresses of a host, each of which may be connected to. @throws StoredError INVALID_CONFIG; what the resolver throws */
  async requireResolved(host: string): Promise<void> {
    this.requireHost(host)
    if (isIP(host.replace(/^\[|\]$/g, "")) !== 0) return
    await new Promise<void>((resolve, reject) => {
      this.lookup(host, { all: true }, (error) => (error ? reject(error) : resolve()))
    })
  }

  /** For connections: fails where one of the addresses of a name may not be connected to. */
  readonly lookup: LookupFunction = (host, options, done) => {
    this.#resolve(host, options, (error, found, family) => {
      const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found]
      if (error || addresses.every((address) => this.#allows(address))) return done(error, found, family)
      done(refusal(host), Array.isArray(found) ? [] : "")
    })
  }

  #allows(address: string): boolean {
    const [plain = ""] = address.split("%")
    if (never.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4")) return false
    return this.#rule !== "public" || isPublicAddress(address)
  }
}

function refusal(host: string): StoredError {
  return new StoredError(
    "INVALID_CONFIG",
    `Backends may not be at ${host}: link-local and metadata addresses are never connected to, others as STORED_BACKEND_ENDPOINTS says; name another endpoint.`,
    { details: { issues: [{ path: "endpoint", message: `may not be at ${host}` }] } },
  )
}

const ENDPOINTS_RULE =
  "expected any, public, or origins such as https://s3.example.org,http://10.0.0.5:9000, with commas between them"

/** As a variable says it; absent: any. */
export const endpointsSchema = z
  .string()
  .default("any")
  .transform((text, context): EndpointRule => {
    const rule = parseEndpointRule(text)
    if (rule) return rule
    context.issues.push({ code: "custom", input: text, message: ENDPOINTS_RULE })
    return z.NEVER
  })

/** What a variable says: `any`, `public`, or origins with commas between them; null where it is none of these. */
export function parseEndpointRule(text: string): EndpointRule | null {
  if (text === "any" || text === "public") return text
  const urls = text.split(",").map((each) => URL.parse(each.trim()))
  const isOrigin = (url: URL | null): url is URL =>
    url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.href === `${url.origin}/`
  return urls.every(isOrigin) ? urls.map(({ origin }) => origin) : null
}
