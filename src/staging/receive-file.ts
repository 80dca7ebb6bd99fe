/**
 * The long way in for a local file: it is copied and hashed by `stageFile`, large ones on a thread of their own, so that several go in at the same
 * time and the event loop stays free.
 */
import { constants } from "node:fs"
import { throwIfAborted } from "../core/error.ts"
import { algorithmsOf, identify } from "./content-id.ts"
import { placeReceived } from "./place-received.ts"
import type { ReceiveParts } from "./receive.ts"
import { stageFile } from "./stage-file.ts"
import type { Received, ReceiveOptions } from "./staging.ts"
import { close, open, readFully } from "./system-calls.ts"

const HEAD = 8192
/** From so many bytes on, a thread is worth its trouble. */
const THREAD_BYTES = 2 ** 20

export async function receiveFile(
  parts: ReceiveParts,
  source: { path: string; size: number },
  options: ReceiveOptions,
): Promise<Received> {
  const { signal, durable } = options
  if (options.onHead) await tellHead(source.path, options.onHead)
  const reservation = await parts.room.reserve(source.size)
  const release = (): void => reservation.release()
  try {
    const target = parts.temporary.createClosed()
    try {
      const task = { source: source.path, target, size: source.size, algorithms: algorithmsOf(options), durable }
      const { size, checksums } =
        source.size >= THREAD_BYTES
          ? await parts.stageFile(task, { ...(signal && { signal }) })
          : await stageFile(task, parts.hashers, signal)
      throwIfAborted(signal)
      reservation.written()
      const received = { path: target, size, checksums, id: identify(checksums, options) }
      return await placeReceived(parts, received, { durable, flush: async () => {}, release })
    } catch (error) {
      await parts.temporary.remove(target)
      throw error
    }
  } catch (error) {
    release()
    throw error
  }
}

/** A file that cannot be opened is met again, and told, when it is copied. */
async function tellHead(path: string, onHead: (head: Uint8Array) => void): Promise<void> {
  const head = Buffer.allocUnsafe(HEAD)
  const fd = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => -1)
  if (fd < 0) return
  try {
    onHead(head.subarray(0, await readFully(fd, head, 0, HEAD, 0)))
  } finally {
    await close(fd)
  }
}
