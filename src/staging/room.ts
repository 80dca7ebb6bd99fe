/**
 * Room for what comes in: under `maxSize` and on the disk. What does not fit makes the least recently used content go, where that is allowed;
 * if that is not enough, the receive is refused before a byte is written.
 *
 * Bytes are reserved until their hold is released, that is until the ledger counts them. For the moment in which both count, staging looks
 * fuller than it is, never emptier.
 */
import { QuotaExceededError, StoredError } from "../core/error.ts"
import type { DiskSpace } from "./disk-space.ts"
import type { Evictor } from "./evictor.ts"
import type { EvictionLedger } from "./staging.ts"

export interface RoomOptions {
  /** bytes of content; null is no limit */
  maxSize: number | null
  /** whether content may be dropped for room */
  evict: boolean
  ledger: EvictionLedger
  evictor: Evictor
  /** absent where the bytes lie on no disk */
  space?: DiskSpace
}

export class Room {
  readonly #options: RoomOptions
  #reserved = 0

  constructor(options: RoomOptions) {
    this.#options = options
  }

  /** @throws StoredError QUOTA_EXCEEDED, DISK_FULL */
  async reserve(bytes: number): Promise<Reservation> {
    await this.#promiseSpace(bytes)
    try {
      await this.#reserveSize(bytes)
    } catch (error) {
      this.#options.space?.settle(bytes)
      throw error
    }
    return new Reservation(bytes, {
      settle: (promised) => this.#options.space?.settle(promised),
      release: (reserved) => {
        this.#reserved -= reserved
      },
    })
  }

  async #promiseSpace(bytes: number): Promise<void> {
    const { space, evictor, evict } = this.#options
    if (!space) return
    let short = space.promise(bytes)
    if (short === 0) return
    if (evict) {
      const missing = short
      await evictor.makeRoom((dropped) => missing - dropped)
      space.measure()
      short = space.promise(bytes)
    }
    if (short === 0) return
    const lack = space.lacksInodes
      ? "has no inodes left for new files; remove files there"
      : `is short of ${inWords(short)} for these ${inWords(bytes)} and what must stay free; free space there, or lower cache.minFree`
    throw new StoredError("DISK_FULL", `The disk of staging ${lack}.`, {
      retryable: true,
      details: { needed: bytes, short },
    })
  }

  async #reserveSize(bytes: number): Promise<void> {
    const { maxSize, evict, evictor } = this.#options
    if (maxSize !== null) {
      const over = (): number => this.#used() + bytes - maxSize
      if (over() > 0 && bytes <= maxSize && evict) await evictor.makeRoom(over)
      if (over() > 0) throw this.#quotaExceeded(bytes, maxSize)
    }
    this.#reserved += bytes
  }

  #used(): number {
    return this.#options.ledger.usage().bytes + this.#reserved
  }

  #quotaExceeded(bytes: number, limit: number): QuotaExceededError {
    const used = this.#used()
    const pinned = this.#options.ledger.usage().pinnedBytes
    const details = { limit, used, pinned, needed: bytes }
    if (bytes > limit) {
      const message = `These ${inWords(bytes)} are more than all of staging may hold (${inWords(limit)}); raise cache.maxSize.`
      return new QuotaExceededError(message, { retryable: false, details })
    }
    const waiting =
      pinned > 0
        ? `${inWords(pinned)} of that wait for backends that have no copy yet; see to the backends, or raise cache.maxSize`
        : this.#options.evict
          ? "the rest is being put or read right now; try again, or raise cache.maxSize"
          : "nothing is dropped, because cache.evictionPolicy is none; evict something, or raise cache.maxSize"
    return new QuotaExceededError(
      `Staging is full: ${inWords(used)} of its ${inWords(limit)} are used and ${inWords(bytes)} more are asked for; ${waiting}.`,
      { details },
    )
  }
}

interface Ends {
  settle(bytes: number): void
  release(bytes: number): void
}

/** A claim on room. `written` when the bytes lie on the disk, `release` when the ledger counts them or they are gone; each works once. */
export class Reservation {
  readonly #bytes: number
  readonly #ends: Ends
  #written = false
  #released = false

  constructor(bytes: number, ends: Ends) {
    this.#bytes = bytes
    this.#ends = ends
  }

  written(): void {
    if (this.#written) return
    this.#written = true
    this.#ends.settle(this.#bytes)
  }

  release(): void {
    this.written()
    if (this.#released) return
    this.#released = true
    this.#ends.release(this.#bytes)
  }
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"]

function inWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1)
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${UNITS[power]}`
}
