/**
 * Sources that are `https:` URLs, of the origins and paths that are allowed and no others. The name is resolved here, every address of it is
 * looked at, and the connection goes to just these (RELIABILITY §5): whoever answers for the name cannot answer otherwise a second time. Redirects
 * are not followed. The query of a URL may be a secret: it is part of no error.
 */
import { lookup } from "node:dns/promises"
import type { IncomingMessage } from "node:http"
import { Agent, request as httpsRequest } from "node:https"
import { isIP, type LookupFunction } from "node:net"
import { posix } from "node:path"
import { abortError, StoredError, throwIfAborted } from "../src/core/error.ts"
import { isPublicAddress } from "../src/core/public-address.ts"
import type { IngestContent } from "./ingest-content.ts"

export interface AllowedUrls {
  /** `https://host/prefix`: that origin, and paths that are the prefix or lie below it */
  prefixes: readonly URL[]
  /** addresses that are not of the public internet are allowed too */
  allowPrivate: boolean
  /** certificates to trust, in PEM; absent: those of Node */
  ca?: string
  /** ms until an answer begins, and the longest silence within it; absent: 30 s */
  timeout?: number
  /** all addresses of a name; absent: the system's resolver */
  resolve?(host: string): Promise<{ address: string; family: number }[]>
}

const TIMEOUT = 30_000
/** Percent-decoding stops here: a path that is still not plain is none that anybody needs. */
const MOST_LAYERS = 4
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/** @throws StoredError INVALID_INPUT, PERMISSION_DENIED, SOURCE_FAILED, ABORTED */
export async function openUrl(text: string, allowed: AllowedUrls, signal: AbortSignal): Promise<IngestContent> {
  const url = parseUrl(text)
  if (!allowed.prefixes.some((prefix) => isWithin(url, prefix))) throw forbidden(`${shown(url)} is not on the list`)
  const addresses = await addressesOf(url, allowed)
  throwIfAborted(signal)
  const response = await fetchFrom(url, addresses, allowed, signal)
  try {
    checkAnswer(url, response)
  } catch (error) {
    response.destroy()
    throw error
  }
  return contentOf(url, response, signal)
}

/** @throws StoredError INVALID_INPUT */
function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url) throw invalid("it is no URL")
  if (url.protocol !== "https:") throw invalid(`"${url.protocol}" is not fetched, only "https:"`)
  if (url.username !== "" || url.password !== "") throw invalid("it holds credentials")
  if (climbs(url.pathname)) throw invalid('its path has ".." or a backslash in disguise')
  return url
}

/** What a server may take for `..` although a URL does not. */
function climbs(path: string): boolean {
  let text = path
  for (let layer = 0; layer < MOST_LAYERS; layer++) {
    if (/(?:^|[/\\])\.\.(?:[/\\;]|$)/.test(text) || text.includes("\\") || text.includes("\0")) return true
    const next = decoded(text)
    if (next === null) return true
    if (next === text) return false
    text = next
  }
  return true
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    // Bytes that are no UTF-8: nobody knows what the server makes of them.
    return null
  }
}

function isWithin(url: URL, prefix: URL): boolean {
  if (url.origin !== prefix.origin) return false
  const below = prefix.pathname.endsWith("/") ? prefix.pathname : `${prefix.pathname}/`
  return url.pathname === prefix.pathname || url.pathname.startsWith(below)
}

/** @throws StoredError PERMISSION_DENIED where any of them is not allowed, SOURCE_FAILED (retryable) */
async function addressesOf(url: URL, allowed: AllowedUrls): Promise<{ address: string; family: number }[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  const family = isIP(host)
  const resolve = allowed.resolve ?? ((name) => lookup(name, { all: true }))
  const found = family > 0 ? [{ address: host, family }] : await resolve(host).catch(unresolved(url))
  if (found.length === 0) throw unresolved(url)(new Error("it has no address"))
  if (allowed.allowPrivate || found.every(({ address }) => isPublicAddress(address))) return found
  throw forbidden(`${url.host} leads to an address that is not of the public internet`)
}

function fetchFrom(
  url: URL,
  addresses: { address: string; family: number }[],
  { ca, timeout = TIMEOUT }: AllowedUrls,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // Not the global agent: that one may go by way of a proxy, which resolves names itself.
  const agent = new Agent({ keepAlive: false, ...(ca !== undefined && { ca }) })
  const pinned: LookupFunction = (_host, options, callback) => {
    const first = addresses[0]!
    if (options.all) callback(null, addresses)
    else callback(null, first.address, first.family)
  }
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      agent,
      lookup: pinned,
      timeout,
      signal,
      headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "stored" },
    })
    const late = setTimeout(() => request.destroy(silent(url, timeout)), timeout)
    request.on("timeout", () => request.destroy(silent(url, timeout)))
    request.once("close", () => clearTimeout(late))
    request.on("error", (error) => reject(signal.aborted ? abortError(signal) : broken(url, error)))
    request.once("response", (response) => {
      clearTimeout(late)
      // Whoever reads it sees the break there.
      response.on("error", () => {})
      resolve(response)
    })
    request.end()
  })
}

/** @throws StoredError SOURCE_FAILED */
function checkAnswer(url: URL, { statusCode = 0, headers }: IncomingMessage): void {
  if (statusCode >= 300 && statusCode < 400) {
    throw new StoredError("SOURCE_FAILED", `${shown(url)} answers ${statusCode}; redirects are not followed.`)
  }
  if (statusCode !== 200) {
    throw new StoredError("SOURCE_FAILED", `${shown(url)} answers ${statusCode}.`, {
      retryable: PASSING.has(statusCode),
    })
  }
  const coding = headers["content-encoding"]
  if (coding === undefined || coding.toLowerCase() === "identity") return
  throw new StoredError("SOURCE_FAILED", `${shown(url)} answers with an encoding that was not asked for.`)
}

function contentOf(url: URL, response: IncomingMessage, signal: AbortSignal): IngestContent {
  const length = response.headers["content-length"]
  return {
    size: length === undefined ? undefined : Number(length),
    name: decoded(posix.basename(url.pathname)),
    mimeType: response.headers["content-type"] ?? null,
    read: async function* () {
      try {
        for await (const chunk of response) yield chunk as Buffer
      } catch (error) {
        throwIfAborted(signal)
        throw broken(url, error)
      }
      // The stream ends without an error where the connection ends early and no length was told.
      if (!response.complete) throw broken(url, new Error("it ended early"))
    },
    close: async () => void response.destroy(),
  }
}

function unresolved(url: URL): (cause: unknown) => never {
  return (cause) => {
    throw new StoredError("SOURCE_FAILED", `${url.host} cannot be resolved.`, { retryable: true, cause })
  }
}

function broken(url: URL, cause: unknown): StoredError {
  if (cause instanceof StoredError) return cause
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const reason = code || (cause instanceof Error ? cause.message : "unknown fault")
  return new StoredError("SOURCE_FAILED", `${shown(url)} cannot be fetched (${reason}).`, { retryable: true, cause })
}

function silent(url: URL, time: number): StoredError {
  return new StoredError("SOURCE_FAILED", `${shown(url)} sent nothing for ${time} ms.`, { retryable: true })
}

function forbidden(reason: string): StoredError {
  return new StoredError(
    "PERMISSION_DENIED",
    `This worker may not fetch that: ${reason}; STORED_INGEST_URLS names what it may.`,
  )
}

function invalid(reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `The URL cannot be ingested: ${reason}.`)
}

/** Without the query, which may be what opens it. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`
}
