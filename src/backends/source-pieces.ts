/**
 * Reads a source once, in pieces, as a driver wants it: what breaks in the source is SOURCE_FAILED and not the backend's fault, a source longer
 * or shorter than declared is SIZE_MISMATCH, and an abort ends the wait for a source that says nothing.
 */
import type { Readable } from "node:stream"
import type { BlobSource } from "../core/blob-source.ts"
import { isStoredError, StoredError, throwIfAborted, toStoredError } from "../core/error.ts"

/**
 * The content in pieces of about `size` bytes, small chunks put together; bytes in memory as one piece. The last piece comes only after the declared size was reached; a
 * piece must not be trusted to be part of a good source before the end.
 * @throws StoredError SOURCE_FAILED (retryable), SIZE_MISMATCH, ABORTED, and StoredErrors of the source itself
 */
export async function* sourcePieces(
  source: BlobSource,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  throwIfAborted(signal)
  if (source.bytes) {
    requireSize(source, source.bytes.byteLength)
    yield source.bytes
    return
  }
  let seen = 0
  let waiting: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunksOf(source, signal)) {
    seen += chunk.byteLength
    if (source.size !== undefined && seen > source.size) requireSize(source, seen)
    waiting.push(chunk)
    bytes += chunk.byteLength
    if (bytes < size) continue
    yield join(waiting)
    waiting = []
    bytes = 0
  }
  requireSize(source, seen)
  if (bytes > 0) yield join(waiting)
}

/** @throws StoredError SIZE_MISMATCH where a source declared another size than it has */
export function requireSize(source: BlobSource, seen: number): void {
  if (source.size === undefined || source.size === seen) return
  const compared = seen < source.size ? "shorter" : "longer"
  throw new StoredError(
    "SIZE_MISMATCH",
    `The source is ${compared} than the ${source.size} bytes it declared; give it with its true size.`,
    { details: { declared: source.size, seen } },
  )
}

/** A fault of the source, not of the backend: worth another try with a fresh stream. */
export function sourceFailed(error: unknown): StoredError {
  if (isStoredError(error)) return error
  const known = toStoredError(error)
  if (known.code === "ABORTED") return known
  const message = error instanceof Error ? error.message : String(error)
  return new StoredError("SOURCE_FAILED", `The source broke while it was read: ${message}.`, {
    retryable: true,
    cause: error,
  })
}

async function* chunksOf(source: BlobSource, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let stream: Readable | undefined
  const end = (): void => {
    stream?.destroy(new StoredError("ABORTED", "The write was aborted.", { cause: signal?.reason }))
  }
  try {
    stream = source.read()
    signal?.addEventListener("abort", end, { once: true })
    for await (const chunk of stream) yield asBytes(chunk)
    throwIfAborted(signal)
  } catch (error) {
    throw sourceFailed(error)
  } finally {
    signal?.removeEventListener("abort", end)
    stream?.destroy()
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === "string") return Buffer.from(chunk)
  throw new StoredError("SOURCE_FAILED", `The source gave a ${typeof chunk} instead of bytes; give a stream of bytes.`)
}

function join(chunks: Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}
