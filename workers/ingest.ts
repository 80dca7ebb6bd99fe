/**
 * One put by reference, through the HTTP API, so that catalog, staging and journal stay the server's own.
 *
 * It may run more than once: an answer is lost, a worker dies after the server has committed. Before its first try the end of the journal is
 * noted in the queue; a later try looks behind that for a put of this key and these bytes, and where there is one, that was it: the
 * version does not grow a second time, and what others have put under the key since stays. The bytes are read once more for that, but only where the
 * journal has a put that it may have been.
 */
import { isDeepStrictEqual } from "node:util"
import * as z from "zod"
import type { IngestDelivery, IngestPayload } from "../queues/ingest.ts"
import type { JournalRecord } from "../src/catalog/record.ts"
import { splitBlobId } from "../src/core/blob-id.ts"
import type { HasherFactory } from "../src/core/checksum.ts"
import { ConflictError, isStoredError } from "../src/core/error.ts"
import type { JsonObject } from "../src/core/json.ts"
import type { PutResult } from "../src/core/metadata.ts"
import { DEFAULT_MIME_TYPE, mimeTypeFor } from "../src/store/mime-type.ts"
import type { PutOptions, StoreFace } from "../src/store/store.ts"
import { type IngestContent, type IngestLimits, openContent } from "./ingest-content.ts"

export interface IngestServices {
  /** the server */
  store: Pick<StoreFace, "put" | "stat" | "journal">
  limits: IngestLimits
  hashers: HasherFactory
}

const noteSchema = z.strictObject({
  /** of the journal, before the first try */
  after: z.int().min(0),
})

/** @param end of the journal now. @throws StoredError of the source or of the server; ABORTED or the signal's reason */
export async function ingest(
  services: IngestServices,
  payload: IngestPayload,
  { note, keep, end }: Pick<IngestDelivery, "note" | "keep"> & { end: number },
  signal: AbortSignal,
): Promise<PutResult> {
  const noted = noteSchema.safeParse(note)
  if (noted.success) return again(services, payload, noted.data.after, signal)
  await keep({ after: end })
  return putContent(services, payload, {}, signal)
}

async function again(
  services: IngestServices,
  payload: IngestPayload,
  after: number,
  signal: AbortSignal,
): Promise<PutResult> {
  const earlier = await earlierPut(services, payload, after, signal)
  if (earlier) return earlier
  const { key, ifVersion, ifAbsent } = payload.options
  const isFree = key !== undefined && ifVersion === undefined && !ifAbsent
  // What an earlier try still has on its way must not come between the look and the put.
  const guard = isFree ? { ifVersion: (await services.store.stat(key))?.version ?? 0 } : {}
  try {
    return await putContent(services, payload, guard, signal)
  } catch (error) {
    if (!isStoredError(error) || error.code !== "CONFLICT") throw error
    const come = await earlierPut(services, payload, after, signal)
    if (come) return come
    throw isFree ? new ConflictError(error.message, { retryable: true, cause: error }) : error
  }
}

async function putContent(
  { store, limits }: IngestServices,
  { source, options }: IngestPayload,
  guard: Pick<PutOptions, "ifVersion">,
  signal: AbortSignal,
): Promise<PutResult> {
  const content = await openContent(source, limits, signal)
  try {
    const { key, metadata, mimeType, backends, checksums, ifAbsent, ifVersion } = options
    const type = mimeType ?? typeOf(content, key)
    return await store.put(content.read(), {
      signal,
      ...(content.size !== undefined && { size: content.size }),
      ...(key !== undefined && { key }),
      ...(metadata && { metadata: metadata as JsonObject }),
      ...(type !== undefined && { mimeType: type }),
      ...(backends && { backends }),
      ...(checksums && { checksums }),
      ...(ifAbsent !== undefined && { ifAbsent }),
      ...(ifVersion !== undefined && { ifVersion }),
      ...guard,
    })
  } finally {
    await content.close()
  }
}

/** As a put of the file itself: what the source declares, the key, the file's name; else the server tells it from the first bytes. */
function typeOf({ mimeType, name }: IngestContent, key: string | undefined): string | undefined {
  const byKey = mimeTypeFor({ declared: mimeType, key })
  const type = byKey === DEFAULT_MIME_TYPE ? mimeTypeFor({ name }) : byKey
  return type === DEFAULT_MIME_TYPE ? undefined : type
}

/** The result of an earlier try that the server has committed, or null. */
async function earlierPut(
  services: IngestServices,
  payload: IngestPayload,
  after: number,
  signal: AbortSignal,
): Promise<PutResult | null> {
  const { key, metadata = {} } = payload.options
  const found: JournalRecord[] = []
  for await (const record of services.store.journal({ after })) if (mayBe(record, key)) found.push(record)
  const record = found.length > 0 ? await sameBytes(services, payload, found, signal) : undefined
  if (!record) return null
  const current = await services.store.stat(record.key!)
  const { version, isNew } = record.detail as { version: number; isNew: boolean }
  if (current?.version !== version) return pastResult(record, metadata as JsonObject)
  // The same bytes with something else said of them: that was somebody else's.
  if (!isDeepStrictEqual(current.custom, metadata)) return null
  return { ...current, key: record.key!, isNew, satisfied: true }
}

/** A put without a key has one that is made from its checksum. */
function mayBe({ command, key, id }: JournalRecord, wanted: string | undefined): boolean {
  if (command !== "put" || key === null || id === null) return false
  return wanted === undefined ? key.includes(splitBlobId(id).hex) : key === wanted
}

async function sameBytes(
  { limits, hashers }: IngestServices,
  { source }: IngestPayload,
  records: readonly JournalRecord[],
  signal: AbortSignal,
): Promise<JournalRecord | undefined> {
  const algorithms = [...new Set(records.map(({ id }) => splitBlobId(id!).algorithm))]
  const running = algorithms.map((algorithm) => ({ algorithm, hasher: hashers.create(algorithm) }))
  const content = await openContent(source, limits, signal)
  try {
    for await (const chunk of content.read()) {
      signal.throwIfAborted()
      for (const { hasher } of running) hasher.update(chunk)
    }
  } finally {
    await content.close()
  }
  const ids = new Set(running.map(({ algorithm, hasher }) => `${algorithm}:${hasher.digest()}`))
  return records.find(({ id }) => ids.has(id!))
}

/** Of a put that others have replaced or deleted since, only what the journal has. */
function pastResult({ key, id, time, detail }: JournalRecord, custom: JsonObject): PutResult {
  const { algorithm, hex } = splitBlobId(id!)
  const { version, size, isNew } = detail as { version: number; size: number; isNew: boolean }
  return {
    id: id!,
    key: key!,
    version,
    checksums: { [algorithm]: hex },
    checksumState: "primary",
    size,
    mimeType: DEFAULT_MIME_TYPE,
    locations: [],
    locationCount: 0,
    staged: false,
    state: "DELETED",
    created: time,
    modified: time,
    written: time,
    custom,
    isNew,
    satisfied: true,
  }
}
