/** Sources of every form for the tests of staging, and hashers that need no preparation. */
import { createHash, hash, randomBytes } from "node:crypto"
import { Readable } from "node:stream"
import { createHashers } from "../../src/checksums/hashers.ts"
import { type BlobId, blobId } from "../../src/core/blob-id.ts"
import type { BlobSource } from "../../src/core/blob-source.ts"

export const hashers = await createHashers()

export function idOf(bytes: Uint8Array): BlobId {
  return blobId("sha256", hash("sha256", bytes, "hex"))
}

export function bytesOf(size: number): Buffer {
  return randomBytes(size)
}

export function inMemory(bytes: Uint8Array): BlobSource {
  return {
    size: bytes.length,
    bytes,
    read: () => Readable.from(bytes.length > 0 ? [bytes] : [], { objectMode: false }),
  }
}

/** A stream that gives its bytes in chunks, of a size that is told before or not. */
export function streaming(bytes: Uint8Array, { chunk = 65_536, sized = false } = {}): BlobSource {
  const chunks: Uint8Array[] = []
  for (let start = 0; start < bytes.length; start += chunk) chunks.push(bytes.subarray(start, start + chunk))
  return { once: true, ...(sized && { size: bytes.length }), read: () => Readable.from(chunks, { objectMode: false }) }
}

/** A live stream that a test feeds by hand. `then` runs once staging has begun to read it. */
export function live(
  size?: number,
  then: (stream: Readable) => void = () => {},
): { source: BlobSource; stream: Readable } {
  const stream = new Readable({ read() {} })
  const read = (): Readable => {
    setImmediate(() => then(stream))
    return stream
  }
  return { stream, source: { once: true, ...(size !== undefined && { size }), read } }
}

export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex")
}

export async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
