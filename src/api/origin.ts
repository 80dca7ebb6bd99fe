/**
 * Which web pages may use the server. A browser sends what any page asks it to, also to addresses that only its own host reaches, so that a server on loopback that asks nobody for a token
 * would be open to every site that somebody looks at. Browsers say whose page it is:
 *
 * - `Origin` of another site than the request's own `Host` is refused, unless that site is configured. WebSockets always have one.
 * - While nobody is asked for a token, `Host` must be a loopback name or a configured one: the name of a site that was pointed to 127.0.0.1 (DNS rebinding) is neither. What other sites
 *   embed (`<img>`, without `Origin`) is refused too.
 *
 * Pages of configured sites get the answers of CORS, to preflights too. Other programs send none of this, and notice none of it.
 */
import type { FastifyReply, FastifyRequest } from "fastify"
import * as z from "zod"
import { forbidden } from "../core/access.ts"
import { isStoredError } from "../core/error.ts"
import { isLoopback } from "./access/listening.ts"
import type { Method } from "./route.ts"
import type { Gate } from "./worker-auth.ts"

const RULE = "expected origins such as https://app.example.org,http://localhost:5173, with commas between them"

/** As `STORED_ORIGINS` says it: sites whose pages may use the server, and names by which it is reached; absent: none. */
export const originsSchema = z
  .string()
  .default("")
  .transform((text, context): readonly string[] => {
    const urls = text.split(",").flatMap((each) => (each.trim() === "" ? [] : [URL.parse(each.trim())]))
    const isOrigin = (url: URL | null): url is URL =>
      url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
    if (urls.every(isOrigin)) return urls.map(({ origin }) => origin)
    context.issues.push({ code: "custom", input: text, message: RULE })
    return z.NEVER
  })

export interface OriginOptions {
  /** as `https://app.example.org`, with a port where it is not the scheme's own */
  origins: readonly string[]
  /** whether nobody is asked for a token. @throws StoredError CLOSED while that is not known */
  isOpen(): boolean
  /** null where there is no such path */
  methodsOf(path: string): readonly Method[] | null
}

/** The hook that looks at every request before its route does. It throws FORBIDDEN, and answers preflights. */
export function originGate({ origins, isOpen, methodsOf }: OriginOptions): Gate {
  const sites = new Set(origins)
  const names = new Set(origins.map((origin) => new URL(origin).host))
  return async (request, reply) => {
    const { host, origin } = request.headers
    if (host !== undefined && !isOwnName(host, names) && asksNobody(isOpen)) throw rebound()
    // What a cache keeps for one site is no answer for another one.
    if (sites.size > 0) reply.header("vary", "Origin")
    if (origin === undefined) {
      if (isEmbedded(request) && !isSigned(request) && asksNobody(isOpen)) throw foreign()
      return undefined
    }
    if (isSame(origin, host)) return undefined
    if (!sites.has(origin)) throw foreign()
    return welcome(request, reply, origin, methodsOf)
  }
}

/** While the store is starting it is not known, and nobody but its own host is let in. */
function asksNobody(isOpen: () => boolean): boolean {
  try {
    return isOpen()
  } catch (error) {
    if (isStoredError(error) && error.code === "CLOSED") return true
    throw error
  }
}

function isOwnName(host: string, names: ReadonlySet<string>): boolean {
  if (names.has(host.toLowerCase())) return true
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "")
  return isLoopback(name) || name.toLowerCase().endsWith(".localhost")
}

/** The scheme is not compared: a proxy may have taken TLS off. */
function isSame(origin: string, host: string | undefined): boolean {
  const page = URL.parse(origin)
  if (host === undefined || page === null || page.origin !== origin) return false
  return URL.parse(`${page.protocol}//${host}`)?.host === page.host
}

/** Fetched by a page of another site, and no link that somebody followed. */
function isEmbedded({ headers }: FastifyRequest): boolean {
  return headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate"
}

/** Whoever made such an address wants it to be used. */
function isSigned({ url }: FastifyRequest): boolean {
  return url.startsWith("/v1/signed/")
}

const READABLE = [
  "accept-ranges",
  "allow",
  "content-digest",
  "content-disposition",
  "content-range",
  "etag",
  "idempotent-replayed",
  "location",
  "repr-digest",
  "retry-after",
  "www-authenticate",
  "x-request-id",
  "x-stored-served-from",
  "x-stored-version",
].join(", ")

/** s for which a browser need not ask again */
const PREFLIGHT_LIFE = "600"

/** The answer to a preflight; otherwise what the answer to anything else has with it. */
function welcome(
  request: FastifyRequest,
  reply: FastifyReply,
  origin: string,
  methodsOf: OriginOptions["methodsOf"],
): FastifyReply | undefined {
  reply.header("access-control-allow-origin", origin)
  reply.header("access-control-expose-headers", READABLE)
  const { headers } = request
  if (request.method !== "OPTIONS" || headers["access-control-request-method"] === undefined) return undefined
  const methods = methodsOf(request.url.replace(/\?.*$/s, ""))
  if (methods === null) return undefined
  const asked = headers["access-control-request-headers"]
  reply.header("access-control-allow-methods", methods.join(", "))
  if (typeof asked === "string") reply.header("access-control-allow-headers", asked)
  if (headers["access-control-request-private-network"] === "true")
    reply.header("access-control-allow-private-network", "true")
  reply.header("access-control-max-age", PREFLIGHT_LIFE)
  return reply.code(204).send()
}

function foreign(): Error {
  return forbidden(
    "This request is from a page of another site; name that site in STORED_ORIGINS where it may use this server.",
  )
}

function rebound(): Error {
  return forbidden(
    "While this server asks for no token it answers by loopback names only; ask it at 127.0.0.1, or name this one in STORED_ORIGINS.",
  )
}
