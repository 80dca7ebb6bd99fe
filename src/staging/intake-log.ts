/**
 * The intake log: small content becomes durable by one sequential write and one flush for all receives that wait at that moment (group commit), and
 * not by two or three flushes each. While one batch is flushed, the next gathers.
 *
 * Beside the write, what is appended is placed as a content file, in the kernel's cache. After a power cut the log has it; see `recover.ts`. Full
 * segments are handed to `LogRetirement`, which lets them go once their content files are durable themselves.
 */
import { AlignedBuffers } from "../core/aligned-buffers.ts"
import type { BlobId } from "../core/blob-id.ts"
import { StoredError } from "../core/error.ts"
import { encodeRecord, HEADER_BYTES, type LogRecord } from "./log-record.ts"
import type { LogRetirement } from "./log-retirement.ts"
import { LogSegment, wholeBlocks } from "./log-segment.ts"
import { storageError } from "./system-error.ts"

export interface IntakeLogOptions {
  directory: string
  retirement: LogRetirement
  /** number of the first segment it may make */
  firstSegment: number
  /** told when a segment could not be sealed in the background */
  onTrouble(error: StoredError): void
  /** for tests */
  maxSegmentBytes?: number
  /** ms */
  sealAfter?: number
}

interface Waiting extends LogRecord {
  /** makes the content file */
  place(): void
  resolve(): void
  reject(error: StoredError): void
}

const MAX_SEGMENT_BYTES = 64 * 2 ** 20
/** Bounds the memory that the ids of a segment take. */
const MAX_SEGMENT_RECORDS = 32_768
/** Memory is taken only as far as batches go. */
const BUFFER_BYTES = 4 * 2 ** 20
/** Content that is placed at one go: some milliseconds' worth. To make a file costs about as much as its first 32 KiB. */
const PLACE_BYTES = 512 * 1024
const PLACE_COST = 32 * 1024
/** By then the kernel has written most content files back by itself. */
const SEAL_AFTER_MS = 60_000

export class IntakeLog {
  readonly #options: IntakeLogOptions
  readonly #maxSegmentBytes: number
  #number: number
  #segment: LogSegment | null = null
  #waiting: Waiting[] = []
  #flushing: Promise<void> | null = null
  readonly #buffer = new AlignedBuffers(BUFFER_BYTES, 1).take()
  #sealing: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: IntakeLogOptions) {
    this.#options = options
    this.#number = options.firstSegment
    this.#maxSegmentBytes = options.maxSegmentBytes ?? MAX_SEGMENT_BYTES
  }

  /**
   * Resolves when the bytes are durable. They must not change until then.
   * @param place makes the content file; called once, while the disk writes the log. A segment is never let go before all of its content has been placed.
   * @throws StoredError DISK_FULL, CLOSED, …, and what `place` throws
   */
  append(id: BlobId, bytes: Uint8Array, place: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(new StoredError("CLOSED", "The store is closed."))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, bytes, place, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Hands the current segment to retirement, so that all that was appended can become durable as content. */
  async seal(): Promise<void> {
    while (this.#flushing) await this.#flushing
    await this.#rotate()
  }

  /** Waits for what was appended. The segments stay until retirement has them. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#sealing)
    await this.seal()
  }

  async #sealOld(): Promise<void> {
    try {
      await this.seal()
    } catch (error) {
      this.#options.onTrouble(storageError(error, "seal its intake log"))
    }
  }

  async #flush(): Promise<void> {
    // Whatever else is received in this turn of the event loop shares the first flush.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch()
      try {
        const placed = await this.#write(batch)
        for (const { resolve } of placed) resolve()
      } catch (error) {
        const failure = storageError(error, "write its intake log")
        for (const { reject } of batch) reject(failure)
      }
    }
    this.#flushing = null
  }

  #nextBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { bytes: content } of this.#waiting) {
      bytes += HEADER_BYTES + content.length
      if (count > 0 && bytes > BUFFER_BYTES) break
      count += 1
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count)
    const all = this.#waiting
    this.#waiting = []
    return all
  }

  /** @returns those that are placed too; the others have been told */
  async #write(batch: Waiting[]): Promise<Waiting[]> {
    let length = 0
    for (const record of batch) length = encodeRecord(this.#buffer, length, record)
    const segment = await this.#room(wholeBlocks(length))
    const [appended, placed] = await Promise.allSettled([segment.append(this.#buffer, length), placeAll(batch)])
    if (appended.status === "rejected") {
      // Whether the tail is on disk is unknown, and a second flush would not tell either: never append behind it.
      await this.#rotate()
      throw appended.reason
    }
    if (placed.status === "rejected") throw placed.reason
    for (const { id } of placed.value) segment.ids.push(id)
    return placed.value
  }

  async #room(bytes: number): Promise<LogSegment> {
    const segment = this.#segment
    if (segment) {
      if (segment.length + bytes <= this.#maxSegmentBytes && segment.ids.length < MAX_SEGMENT_RECORDS) return segment
      if (segment.length > 0) await this.#rotate()
      else return segment
    }
    const number = this.#number
    this.#number += 1
    this.#segment = await LogSegment.create(this.#options.directory, number)
    clearTimeout(this.#sealing)
    this.#sealing = setTimeout(() => void this.#sealOld(), this.#options.sealAfter ?? SEAL_AFTER_MS).unref()
    return this.#segment
  }

  async #rotate(): Promise<void> {
    const segment = this.#segment
    if (!segment) return
    this.#segment = null
    await segment.close()
    this.#options.retirement.add(segment)
  }
}

/** Places content while the log is being written, with a turn of the event loop between handfuls. @returns what could be placed; the others are told */
async function placeAll(batch: Waiting[]): Promise<Waiting[]> {
  const placed: Waiting[] = []
  let bytes = 0
  for (const record of batch) {
    try {
      record.place()
      placed.push(record)
    } catch (error) {
      record.reject(storageError(error, "write content"))
    }
    bytes += record.bytes.length + PLACE_COST
    if (bytes < PLACE_BYTES) continue
    bytes = 0
    await new Promise((resolve) => setImmediate(resolve))
  }
  return placed
}
