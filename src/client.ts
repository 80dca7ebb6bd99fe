/**
 * A running server by the same verbs as a store in the process: `connect("http://127.0.0.1:7070")`. Errors are the server's own
 * `StoredError`s, made again from problem JSON; a server that does not answer is BACKEND_UNAVAILABLE.
 */
import { Readable } from "node:stream"
import { ReadableStream } from "node:stream/web"
import { parseChecksumReference } from "./core/blob-id.ts"
import { ERROR_CODES, type ErrorCode, StoredError, throwIfAborted } from "./core/error.ts"
import type { JsonObject } from "./core/json.ts"
import { type Key, parseKey } from "./core/key.ts"
import type { Metadata, PutResult } from "./core/metadata.ts"
import { countedSource } from "./store/counted-source.ts"
import { type OpenedInput, openInput } from "./store/input.ts"
import type {
  DeleteOptions,
  DeleteResult,
  GetOptions,
  ListedObject,
  ListOptions,
  OpenedBlob,
  PutInput,
  PutOptions,
  Store,
  StoreStatus,
} from "./store/store.ts"

export type StoreClient = Pick<Store, "put" | "open" | "delete" | "list" | "stat"> & {
  status(): Promise<StoreStatus>
}

interface Call {
  method?: string
  query?: Record<string, string | undefined>
  headers?: Record<string, string>
  body?: Uint8Array | ReadableStream
  signal?: AbortSignal | undefined
}

/** @throws StoredError INVALID_INPUT where the URL is none */
export function connect(url: string): StoreClient {
  const base = parseUrl(url)
  const send = (path: string, call: Call = {}): Promise<Response> => request(base, path, call)
  return {
    put: (input, options) => put(send, input, options),
    open: (idOrKey, options) => open(send, idOrKey, options),
    delete: (idOrKey, options) => remove(send, idOrKey, options),
    list: (options) => list(send, options),
    stat: (idOrKey) => stat(send, idOrKey),
    status: async () => (await send("/v1/status")).json() as Promise<StoreStatus>,
  }
}

type Send = (path: string, call?: Call) => Promise<Response>

async function put(send: Send, input: PutInput, options: PutOptions = {}): Promise<PutResult> {
  const opened = await openInput(input, { size: options.size, signal: options.signal })
  try {
    const response = await send(options.key === undefined ? "/v1/objects" : objectPath(options.key), {
      method: options.key === undefined ? "POST" : "PUT",
      headers: putHeaders(opened, options),
      body: bodyOf(opened, options),
      signal: options.signal,
    })
    await opened.verify()
    return (await response.json()) as PutResult
  } finally {
    await opened.close()
  }
}

function putHeaders(opened: OpenedInput, options: PutOptions): Record<string, string> {
  const type = options.mimeType ?? opened.mimeType
  const checksums = Object.entries(options.checksums ?? {}).map(([algorithm, hex]) => `${algorithm}:${hex}`)
  const { backends, durability, waitMs, metadata, ifVersion, ifAbsent } = options
  return {
    ...(type && { "content-type": type }),
    ...(opened.source.size !== undefined && { "content-length": String(opened.source.size) }),
    ...(backends && { "x-stored-backends": backends.join(",") }),
    ...(durability && { "x-stored-durability": durability }),
    ...(waitMs !== undefined && { "x-stored-wait": String(waitMs) }),
    ...(metadata && { "x-stored-metadata": asciiJson(metadata) }),
    ...(checksums.length > 0 && { "x-stored-checksum": checksums.join(",") }),
    ...(ifVersion !== undefined && { "x-stored-if-version": String(ifVersion) }),
    ...(ifAbsent && { "if-none-match": "*" }),
  }
}

function bodyOf({ source }: OpenedInput, { onProgress }: PutOptions): Uint8Array | ReadableStream {
  if (source.bytes) return source.bytes
  return Readable.toWeb((onProgress ? countedSource(source, onProgress) : source).read())
}

async function open(send: Send, idOrKey: string, options: Omit<GetOptions, "stream"> = {}): Promise<OpenedBlob> {
  const metadata = await stat(send, idOrKey)
  if (!metadata) throw new StoredError("NOT_FOUND", `There is no object "${idOrKey}".`)
  const { range, fallback, signal } = options
  const backends = options.backends ?? (options.backend === undefined ? undefined : [options.backend])
  const response = await send(contentPath(idOrKey), {
    query: { backend: backends?.join(","), fallback: fallback ? "true" : undefined },
    headers: range ? { range: `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}` } : {},
    signal,
  })
  const size = Number(response.headers.get("content-length"))
  const start = range?.start ?? 0
  return {
    metadata,
    range: { start, end: start + size },
    servedFrom: response.headers.get("x-stored-served-from") ?? "staging",
    stream: response.body ? Readable.fromWeb(response.body as ReadableStream) : Readable.from([]),
  }
}

async function stat(send: Send, idOrKey: string): Promise<Metadata | null> {
  try {
    return (await (await send(metadataPath(idOrKey))).json()) as Metadata
  } catch (error) {
    if (error instanceof StoredError && error.code === "NOT_FOUND") return null
    throw error
  }
}

async function remove(send: Send, idOrKey: string, options: DeleteOptions = {}): Promise<DeleteResult> {
  const { backends, force, wait, ifVersion, signal } = options
  const response = await send(contentPath(idOrKey), {
    method: "DELETE",
    query: { backend: backends?.join(","), force: force ? "true" : undefined, wait: wait?.toString() },
    headers: ifVersion === undefined ? {} : { "x-stored-if-version": String(ifVersion) },
    signal,
  })
  return (await response.json()) as DeleteResult
}

const PAGE = 1_000

async function* list(send: Send, options: ListOptions = {}): AsyncGenerator<ListedObject> {
  const { prefix, backend, signal } = options
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let cursor = options.after === undefined ? undefined : Buffer.from(options.after).toString("base64url")
  while (left > 0) {
    const query = { prefix, backend, cursor, limit: String(Math.min(left, PAGE)) }
    const response = await send("/v1/objects", { query, signal })
    const page = (await response.json()) as { objects: ListedObject[]; cursor: string | null }
    yield* page.objects
    left -= page.objects.length
    if (page.cursor === null) return
    cursor = page.cursor
  }
}

async function request(base: URL, path: string, call: Call): Promise<Response> {
  const url = new URL(base)
  url.pathname = base.pathname.replace(/\/$/, "") + path
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  const { method = "GET", headers = {}, body, signal } = call
  const init = {
    method,
    headers,
    body,
    signal,
    redirect: "error",
    ...(body instanceof ReadableStream && { duplex: "half" }),
  }
  const response = await fetch(url, init as RequestInit).catch((cause: unknown) => {
    throwIfAborted(signal)
    throw unreachable(base, cause)
  })
  if (response.ok) return response
  throw problem(response.status, await response.text())
}

function problem(status: number, text: string): StoredError {
  const parsed = parseProblem(text)
  const detail = typeof parsed.detail === "string" ? parsed.detail : `The server answered ${status}.`
  const details = {
    ...(parsed.details as object | undefined),
    ...(parsed.issues !== undefined && { issues: parsed.issues }),
  }
  return new StoredError(isErrorCode(parsed.code) ? parsed.code : "INTERNAL", detail, {
    retryable: parsed.retryable === true,
    details,
  })
}

function parseProblem(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    // Not from StoreD but from something in between; the status is all there is to tell.
    return {}
  }
}

function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code)
}

function unreachable(base: URL, cause: unknown): StoredError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  // What broke may be the body that was sent, not the way to the server.
  if (inner instanceof StoredError) return inner
  const reason = inner instanceof Error ? inner.message : String(inner)
  return new StoredError(
    "BACKEND_UNAVAILABLE",
    `The server at ${base.origin} does not answer (${reason}); see that it runs and that the address is right.`,
    { retryable: true, cause },
  )
}

function parseUrl(text: string): URL {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol)) return url
  throw new StoredError("INVALID_INPUT", `"${text}" is not the address of a server; write it as http://host:port.`)
}

function contentPath(idOrKey: string): string {
  return parseChecksumReference(idOrKey) ? `/v1/blobs/${idOrKey}` : objectPath(idOrKey)
}

/** @throws StoredError INVALID_KEY here already: a URL would climb by a `..` before the server could refuse it */
function objectPath(key: string): string {
  return `/v1/objects/${encodePath(parseKey(key))}`
}

function metadataPath(idOrKey: string): string {
  return `/v1/metadata/${parseChecksumReference(idOrKey) ? idOrKey : encodePath(parseKey(idOrKey))}`
}

function encodePath(key: Key): string {
  return key.split("/").map(encodeURIComponent).join("/")
}

/** JSON that any header carries. */
function asciiJson(value: JsonObject): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
