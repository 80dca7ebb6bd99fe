/**
 * The long way in, for a stream of any length: into a private temporary file, hashing what came while the system writes what came before. Memory is
 * two pieces of half a mebibyte.
 */
import type { Checksums } from "../core/checksum.ts"
import { algorithmsOf, identify } from "./content-id.ts"
import { placeReceived } from "./place-received.ts"
import type { ReceiveParts } from "./receive.ts"
import type { Reservation } from "./room.ts"
import type { SourceReader } from "./source-reader.ts"
import { Flusher } from "./stage-file.ts"
import type { Received, ReceiveOptions } from "./staging.ts"
import { close, writeAll } from "./system-calls.ts"
import { storageError } from "./system-error.ts"

const PIECE = 512 * 1024

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
    const { path, fd } = await parts.temporary.create()
    try {
      const writer = new PieceWriter(parts, fd, options)
      try {
        await writer.write(first)
        while (!reader.ended) {
          const chunks = await reader.readUpTo(PIECE)
          const piece = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
          if (reader.size === undefined) await reserve(piece.length)
          await writer.write(piece)
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

/** Hashes a piece while the one before is being written. */
class PieceWriter {
  readonly #fd: number
  readonly #durable: boolean
  readonly #flusher: Flusher
  readonly #hashers
  #writing: Promise<void> = Promise.resolve()
  #position = 0

  constructor(parts: ReceiveParts, fd: number, options: ReceiveOptions) {
    this.#fd = fd
    this.#durable = options.durable
    this.#flusher = new Flusher(fd)
    this.#hashers = algorithmsOf(options).map((algorithm) => [algorithm, parts.hashers.create(algorithm)] as const)
  }

  async write(piece: Uint8Array): Promise<void> {
    await this.#written()
    this.#writing = writeAll(this.#fd, piece, this.#position)
    // The next call, or `finish`, meets the error.
    this.#writing.catch(() => {})
    this.#position += piece.length
    for (const [, hasher] of this.#hashers) hasher.update(piece)
    if (this.#durable) this.#flusher.wrote(piece.length)
  }

  async finish(): Promise<Checksums> {
    await this.#written()
    return Object.fromEntries(this.#hashers.map(([algorithm, hasher]) => [algorithm, hasher.digest()]))
  }

  flush(): Promise<void> {
    return this.#flusher.finish()
  }

  /** Waits for what runs, whatever becomes of it, so that the file can be closed. */
  async end(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#flusher.end()])
  }

  async #written(): Promise<void> {
    try {
      await this.#writing
    } catch (error) {
      throw storageError(error, "write content")
    }
  }
}
