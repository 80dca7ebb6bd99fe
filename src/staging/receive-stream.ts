/**
 * The long way in, for a stream of any length: into a private temporary file, hashing what came while the system writes what came before.
 */
import { identify } from "./content-id.ts"
import { GrowingFile } from "./growing-file.ts"
import { placeReceived } from "./place-received.ts"
import type { ReceiveParts } from "./receive.ts"
import type { Reservation } from "./room.ts"
import type { SourceReader } from "./source-reader.ts"
import type { Received, ReceiveOptions } from "./staging.ts"
import { StreamWriter } from "./stream-writer.ts"
import { close } from "./system-calls.ts"

/** Bytes that are reserved at a time while the length is not known. */
const RESERVE_BYTES = 512 * 1024

/** @param head the first chunks, which have more than the bytes that `onHead` is promised */
export async function receiveStream(
  parts: ReceiveParts,
  head: Uint8Array[],
  reader: SourceReader,
  options: ReceiveOptions,
): Promise<Received> {
  const reservations: Reservation[] = []
  const reserve = async (bytes: number): Promise<void> => void reservations.push(await parts.room.reserve(bytes))
  const release = (): void => {
    for (const reservation of reservations) reservation.release()
  }
  try {
    const first = head.length === 1 ? head[0]! : Buffer.concat(head)
    options.onHead?.(first)
    await reserve(reader.size ?? first.length)
    const { path, fd } = parts.temporary.create()
    try {
      const writer = new StreamWriter(fd, parts.hashers, options, await followed(path, options))
      try {
        await writer.write(first)
        while (!reader.ended) {
          const chunks = await reader.readUpTo(RESERVE_BYTES)
          if (reader.size === undefined) await reserve(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
          for (const chunk of chunks) await writer.write(chunk)
        }
        const checksums = await writer.finish()
        for (const reservation of reservations) reservation.written()
        const received = { path, size: reader.received, checksums, id: identify(checksums, options) }
        return await placeReceived(parts, received, { ...options, flush: () => writer.flush(), release })
      } finally {
        await writer.end()
      }
    } catch (error) {
      await parts.temporary.remove(path)
      throw error
    } finally {
      await close(fd)
    }
  } catch (error) {
    release()
    throw error
  }
}

/** What is to be told of bytes that were written, where somebody reads along. */
async function followed(path: string, { follow }: ReceiveOptions): Promise<((bytes: number) => void) | undefined> {
  if (!follow) return undefined
  const file = await GrowingFile.open(path)
  follow(file)
  return (bytes) => {
    file.written = bytes
  }
}
