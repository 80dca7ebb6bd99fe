/** Counts the bytes that a stream gives, without standing in their way. */
import type { Readable } from "node:stream"

/**
 * The same stream. Every piece passes `push` once, whoever reads it and how; a listener for data would set it flowing, and one more stream
 * would cost every reader.
 */
export function countedRead(stream: Readable, count: (bytes: number) => void): Readable {
  const push = stream.push.bind(stream)
  stream.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    if (chunk !== null) count(chunk.length)
    return push(chunk, encoding)
  }
  return stream
}
