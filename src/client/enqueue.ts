/** `enqueue`: what is to be put goes to the queue as a reference; a worker that may read it does the put. */
import { randomBytes } from "node:crypto"
import { types } from "node:util"
import {
  INGEST_ID_RULE,
  type IngestPayload,
  type IngestQueue,
  type IngestSource,
  ingestSchema,
  MOST_INLINE,
  MOST_PATH,
  MOST_URL,
} from "../../queues/ingest.ts"
import { toIssue } from "../core/config.ts"
import { isStoredError, StoredError } from "../core/error.ts"
import { parseMetadata } from "../core/json.ts"
import { parseKey } from "../core/key.ts"
import { checkOptions, shown } from "../store/check-options.ts"
import { parseMimeType } from "../store/mime-type.ts"
import type { PutOptions } from "../store/store.ts"

/** A path as the worker's machine has it, an `https:` URL, or at most 64 KiB of bytes. */
export type EnqueueSource = string | URL | Uint8Array

/** Those of `put` that make sense for bytes which this process does not see. */
export interface EnqueueOptions
  extends Pick<
    PutOptions,
    "key" | "metadata" | "mimeType" | "backends" | "checksums" | "ifAbsent" | "ifVersion" | "signal"
  > {
  /** names this put: the same id again, for a day after its end, is the same put; absent: a new one */
  id?: string
}

/** @returns the id. @throws StoredError INVALID_INPUT, TOO_LARGE, CONFLICT; TIMEOUT, BACKEND_UNAVAILABLE with `details.id` to ask again by */
export async function enqueue(
  queue: () => Promise<IngestQueue>,
  source: EnqueueSource,
  options: EnqueueOptions = {},
): Promise<string> {
  const payload = payloadOf(source, options)
  try {
    await (await queue()).add(payload, options.signal)
    return payload.id
  } catch (error) {
    if (!isStoredError(error) || !error.retryable) throw error
    const details = { ...error.details, id: payload.id }
    throw new StoredError(error.code, error.message, { retryable: true, details, cause: error })
  }
}

/** @throws StoredError INVALID_INPUT */
export function checkEnqueueId(id: unknown): string {
  if (ingestSchema.shape.id.safeParse(id).success) return id as string
  throw new StoredError("INVALID_INPUT", `The id of a put is ${shown(id)}; give ${INGEST_ID_RULE}.`)
}

function payloadOf(source: EnqueueSource, options: EnqueueOptions): IngestPayload {
  const { id = randomBytes(15).toString("base64url"), signal, ...put } = options
  checkOptions("put", { ...put, signal })
  const { key, metadata, mimeType } = put
  const given = {
    version: 1,
    kind: "ingest",
    id: checkEnqueueId(id),
    source: sourceOf(source),
    options: {
      ...present(put),
      ...(key !== undefined && { key: parseKey(key) }),
      ...(metadata !== undefined && { metadata: parseMetadata(metadata) }),
      ...(mimeType !== undefined && { mimeType: parseMimeType(mimeType) }),
    },
  }
  const { success, data, error } = ingestSchema.safeParse(given)
  if (success) return data
  const issues = error.issues.map(toIssue)
  const [first] = issues
  throw new StoredError("INVALID_INPUT", `A put cannot be queued like that: ${first?.path}: ${first?.message}.`, {
    details: { issues },
  })
}

function present(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function sourceOf(source: unknown): IngestSource {
  if (types.isUint8Array(source)) return bytesOf(source)
  if (source instanceof URL) return urlOf(source)
  if (typeof source === "string") return pathOf(source)
  throw invalid(`${shown(source)} cannot be queued; give a path, an https: URL, or at most ${MOST_INLINE} bytes`)
}

function bytesOf(bytes: Uint8Array): IngestSource {
  if (bytes.length <= MOST_INLINE) return { type: "bytes", base64: Buffer.from(bytes).toString("base64") }
  throw new StoredError(
    "TOO_LARGE",
    `The queue takes ${MOST_INLINE} bytes, not ${bytes.length}; use put, or queue a path or a URL.`,
    { details: { limit: MOST_INLINE, size: bytes.length } },
  )
}

/** Nothing of a URL that is refused is shown: it may hold what opens it. */
function urlOf(url: URL): IngestSource {
  if (url.protocol !== "https:") throw invalid(`"${url.protocol}" URLs cannot be queued; give https:, or a path`)
  if (url.username !== "" || url.password !== "")
    throw invalid("The URL holds credentials, which a queue must not keep")
  if (url.href.length > MOST_URL) throw invalid(`The URL has more than ${MOST_URL} characters`)
  return { type: "url", url: url.href }
}

function pathOf(path: string): IngestSource {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) throw invalid("A text is taken for a path; give a URL as new URL(…)")
  if (!path.startsWith("/")) throw invalid("The path is not absolute; write it as the worker's machine has it")
  if (path.includes("\0")) throw invalid("The path has a NUL character; remove it")
  if (path.length > MOST_PATH) throw invalid(`The path has more than ${MOST_PATH} characters`)
  return { type: "path", path }
}

function invalid(reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `${reason}.`)
}
