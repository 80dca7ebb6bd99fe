/** A source that tells how far its reader has come. It is read as a stream wherever it lies, for only so can its bytes be counted. */
import { pipeline, Transform } from "node:stream"
import type { BlobSource } from "../core/blob-source.ts"

/** @param onProgress told the bytes that were read so far, after each piece */
export function countedSource(source: BlobSource, onProgress: (bytes: number) => void): BlobSource {
  const { size, once } = source
  return {
    ...(size !== undefined && { size }),
    ...(once !== undefined && { once }),
    read: (range) => {
      let done = 0
      const counter = new Transform({
        transform(chunk: Uint8Array, _encoding, passOn) {
          done += chunk.length
          onProgress(done)
          passOn(null, chunk)
        },
      })
      // Errors of either side reach the other; the reader hears of them on the counter.
      return pipeline(source.read(range), counter, () => {})
    },
  }
}
