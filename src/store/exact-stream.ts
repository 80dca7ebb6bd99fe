/** Streams of what a backend gives, checked on the way. */
import { Readable } from "node:stream"
import { StoredError } from "../core/error.ts"

/** @param source destroyed when nobody reads any more */
export function streamOf(checked: AsyncGenerator<Buffer>, source: Readable): Readable {
  const stream = Readable.from(checked, { objectMode: false, highWaterMark: 1 << 18 })
  // A generator that nobody has begun to read runs no `finally`.
  stream.once("close", () => source.destroy())
  return stream
}

/** A range that ends early breaks the stream. */
export async function* exactly(stream: Readable, length: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of stream) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > length) break
    yield bytes
  }
  if (size === length) return
  throw new StoredError("COPY_UNAVAILABLE", `The copy gave ${size} of ${length} bytes.`, { retryable: true })
}
