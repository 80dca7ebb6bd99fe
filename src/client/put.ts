/** `put`: the source as the body of one request, what is said of it as headers. The last piece leaves only once the source is known to be whole. */

import { ConflictError, StoredError } from "../core/error.ts"
import { type JsonObject, parseMetadata } from "../core/json.ts"
import type { PutResult } from "../core/metadata.ts"
import { checkOptions } from "../store/check-options.ts"
import { countedSource } from "../store/counted-source.ts"
import { type OpenedInput, openInput } from "../store/input.ts"
import { DEFAULT_MIME_TYPE, mimeTypeFor, parseMimeType } from "../store/mime-type.ts"
import type { PutInput, PutOptions } from "../store/store.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { onceHeaders, tellRepeat } from "./once.ts"
import { objectPath } from "./path.ts"
import { type Body, bytesBody } from "./send-body.ts"

export async function put(link: Link, input: PutInput, options: PutOptions = {}): Promise<PutResult> {
  checkOptions("put", options)
  const { key, signal } = options
  const place = key === undefined ? ({ method: "POST", path: "/v1/objects" } as const) : placeOf(key)
  const said = headersOf(options)
  const opened = await openInput(input, { size: options.size, signal })
  try {
    const headers = { ...typeOf(opened, options), ...said }
    const deadline = deadlineOf(link, options)
    const body = bodyOf(opened, options)
    const answer = await link.answer<PutResult>({ ...place, headers, body, deadline, signal })
    tellRepeat(options, answer.headers)
    return answer.value
  } finally {
    await opened.close()
  }
}

function placeOf(key: string) {
  return { method: "PUT", path: objectPath(key) } as const
}

/** How long the server waits for copies it alone knows, where the put does not say. */
function deadlineOf(link: Link, { durability, waitMs }: PutOptions): number {
  const isWaiting = durability !== undefined && durability !== "os" && durability !== "staged"
  if (!isWaiting) return link.timeout
  return waitMs === undefined ? Math.max(link.timeout, LONG) : link.timeout + waitMs
}

function headersOf(options: PutOptions): Record<string, string> {
  const { backends, durability, waitMs, metadata, ifVersion, ifAbsent } = options
  const checksums = Object.entries(options.checksums ?? {}).map(([algorithm, hex]) => `${algorithm}:${String(hex)}`)
  return {
    ...(backends && { "x-stored-backends": nameList(backends) }),
    ...(durability !== undefined && { "x-stored-durability": fieldOf("durability", durability) }),
    ...(waitMs !== undefined && { "x-stored-wait": String(waitMs) }),
    ...(metadata !== undefined && { "x-stored-metadata": asciiJson(parseMetadata(metadata)) }),
    ...(checksums.length > 0 && { "x-stored-checksum": fieldOf("checksums", checksums.join(",")) }),
    ...condition(options.key, ifVersion, ifAbsent),
    ...onceHeaders(options),
  }
}

/** One condition can be sent; of two, the version says all or contradicts the other. @throws StoredError CONFLICT, INVALID_INPUT */
function condition(key: string | undefined, ifVersion: number | undefined, ifAbsent = false): Record<string, string> {
  if (ifVersion === undefined) return ifAbsent ? { "if-none-match": "*" } : {}
  if (!Number.isSafeInteger(ifVersion) || ifVersion < 0) {
    throw new StoredError(
      "INVALID_INPUT",
      `ifVersion is ${ifVersion}; give the object's version, or 0 for "does not exist".`,
    )
  }
  if (!ifAbsent) return { "x-stored-if-version": String(ifVersion) }
  if (ifVersion === 0) return { "if-none-match": "*" }
  throw new ConflictError(`"${key}" cannot be absent and have version ${ifVersion}; give one condition.`)
}

/** @throws StoredError INVALID_INPUT for what no header can carry, and so no server can know */
function fieldOf(option: string, value: unknown): string {
  if (typeof value === "string" && /^[\x20-\x7e]*$/.test(value)) return value
  throw new StoredError(
    "INVALID_INPUT",
    `${option} is ${JSON.stringify(String(value).slice(0, 80))}, which it cannot be.`,
  )
}

/** What the input itself knows of its type; else the server tells it from the key and the first bytes. */
function typeOf({ mimeType, name }: OpenedInput, options: PutOptions): Record<string, string> {
  if (options.mimeType !== undefined) return { "content-type": parseMimeType(options.mimeType) }
  const byKey = mimeTypeFor({ declared: mimeType, key: options.key })
  const type = byKey === DEFAULT_MIME_TYPE ? mimeTypeFor({ name }) : byKey
  return type === DEFAULT_MIME_TYPE ? {} : { "content-type": type }
}

function bodyOf(opened: OpenedInput, { onProgress }: PutOptions): Body {
  const { source } = opened
  if (source.bytes && !onProgress) return bytesBody(source.bytes)
  const counted = onProgress ? countedSource(source, onProgress) : source
  return { size: source.size, chunks: () => whole(counted.read(), opened) }
}

/** Holds one piece back until the source has shown that it did not change: half of one file and half of another must not arrive. */
async function* whole(source: AsyncIterable<Uint8Array>, opened: OpenedInput): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined
  for await (const chunk of source) {
    if (held) yield held
    held = chunk
  }
  await opened.verify()
  if (held) yield held
}

/** JSON that any header carries. */
function asciiJson(value: JsonObject): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}
