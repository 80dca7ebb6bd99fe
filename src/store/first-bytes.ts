/** Waits until a stream has something to give, so that another can take its place as long as it has not. */
import type { Readable } from "node:stream"

/** The same stream, with its first bytes or its end at hand. @throws what it is destroyed with before that */
export async function firstBytes(stream: Readable): Promise<Readable> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const settle = (): void => resolve()
  stream.on("readable", settle).on("end", settle).on("close", settle).on("error", reject)
  try {
    await promise
    return stream
  } finally {
    stream.off("readable", settle).off("end", settle).off("close", settle).off("error", reject)
  }
}
