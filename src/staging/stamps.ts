/**
 * Remembers which content files were verified, by what the system says of them. A file whose inode, size and times are unchanged was not written
 * since, so the same bytes need not be hashed at every put. Bounded: the least recently used stamp goes first.
 */
import type { BigIntStats } from "node:fs"
import type { BlobId } from "../core/blob-id.ts"

interface Stamp {
  ino: bigint
  size: bigint
  mtimeNs: bigint
  ctimeNs: bigint
  durable: boolean
}

const CAPACITY = 10_000

export class Stamps {
  readonly #stamps = new Map<BlobId, Stamp>()
  readonly #capacity: number

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity
  }

  /** The file in this state holds the blob's bytes. `durable`: and a power cut would not take them. */
  remember(id: BlobId, state: BigIntStats, durable: boolean): void {
    const { ino, size, mtimeNs, ctimeNs } = state
    this.#stamps.delete(id)
    this.#stamps.set(id, { ino, size, mtimeNs, ctimeNs, durable })
    if (this.#stamps.size <= this.#capacity) return
    for (const oldest of this.#stamps.keys()) {
      this.#stamps.delete(oldest)
      return
    }
  }

  /** What is known of a file in this state; null where nothing is, or it has changed. */
  find(id: BlobId, state: BigIntStats): { durable: boolean } | null {
    const stamp = this.#stamps.get(id)
    if (!stamp) return null
    this.#stamps.delete(id)
    if (
      stamp.ino !== state.ino ||
      stamp.size !== state.size ||
      stamp.mtimeNs !== state.mtimeNs ||
      stamp.ctimeNs !== state.ctimeNs
    ) {
      return null
    }
    this.#stamps.set(id, stamp)
    return stamp
  }

  forget(id: BlobId): void {
    this.#stamps.delete(id)
  }
}
