/** Inputs that are in memory: byte arrays and Blobs. Both can be read again; small Blobs become bytes at once. */
import { Readable } from "node:stream"
import type { BlobSource } from "../core/blob-source.ts"
import { StoredError } from "../core/error.ts"
import type { OpenedInput } from "./input.ts"

/** Files and Blobs up to this many bytes are read at once. */
export const SMALL = 128 * 1024

const NOTHING = {
  name: null,
  mimeType: null,
  modified: null,
  mode: null,
  verify: async () => {},
  close: async () => {},
}

/** Bytes as they are, not copied; shared memory is, because another thread could change it under the hash. */
export function openBytes(bytes: Uint8Array): OpenedInput {
  if (bytes.buffer instanceof ArrayBuffer) {
    if (!bytes.buffer.detached) return { ...NOTHING, source: bytesSource(bytes) }
    throw new StoredError("INVALID_INPUT", "The bytes are detached: their ArrayBuffer was transferred elsewhere.")
  }
  return { ...NOTHING, source: bytesSource(Uint8Array.from(bytes)) }
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.length,
    bytes,
    read: (range) => {
      const part = range ? bytes.subarray(range.start, range.end) : bytes
      return Readable.from(part.length > 0 ? [part] : [], { objectMode: false })
    },
  }
}

export async function openBlob(blob: Blob): Promise<OpenedInput> {
  const file = blob instanceof File ? blob : null
  return {
    ...NOTHING,
    name: file?.name || null,
    mimeType: blob.type || null,
    modified: file?.lastModified ?? null,
    source: blob.size <= SMALL ? bytesSource(await bytesOf(blob)) : blobSource(blob),
  }
}

/** A Blob can stand for a file that has changed or gone since. */
async function bytesOf(blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer())
  } catch (error) {
    throw unreadable(error)
  }
}

function blobSource(blob: Blob): BlobSource {
  return {
    size: blob.size,
    read: (range) => Readable.from(chunksOf(range ? blob.slice(range.start, range.end) : blob), { objectMode: false }),
  }
}

async function* chunksOf(blob: Blob): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of blob.stream()) if (chunk.length > 0) yield chunk
  } catch (error) {
    throw unreadable(error)
  }
}

function unreadable(error: unknown): StoredError {
  return new StoredError("SOURCE_FAILED", "The Blob cannot be read; has the file behind it changed?", { cause: error })
}
