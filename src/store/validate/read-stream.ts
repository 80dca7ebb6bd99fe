/** Reads a stream within a budget, piece by piece, and hashes it. One that says nothing for a minute has failed. */
import type { Readable } from "node:stream"
import type { Hasher } from "../../core/checksum.ts"
import { TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import type { ReadOptions } from "./place.ts"

/** ms in which the next piece must come */
const SILENCE = 60_000

/** How many bytes it had. @throws StoredError ABORTED, BACKEND_UNAVAILABLE, and what the stream fails with */
export async function readStream(
  stream: Readable,
  hasher: Pick<Hasher, "update">,
  { budget, signal }: ReadOptions,
): Promise<number> {
  let size = 0
  const end = (): void => void stream.destroy(new TransientAdapterError("A copy that is read says nothing any more."))
  let timer = setTimeout(end, SILENCE)
  const abort = (): void => void stream.destroy()
  signal.addEventListener("abort", abort, { once: true })
  try {
    for await (const chunk of stream) {
      clearTimeout(timer)
      throwIfAborted(signal)
      const bytes = chunk as Uint8Array
      size += bytes.length
      hasher.update(bytes)
      await budget.take(bytes.length, signal)
      timer = setTimeout(end, SILENCE)
    }
    throwIfAborted(signal)
    return size
  } catch (error) {
    throwIfAborted(signal)
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", abort)
    stream.destroy()
  }
}
