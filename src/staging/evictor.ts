/**
 * Drops content, least recently used first. The ledger decides what may go and re-checks in its transaction; only then do the bytes
 * go: index before bytes. Held content stays.
 */
import type { BlobId } from "../core/blob-id.ts"
import { compilePattern, runPattern } from "../core/pattern.ts"
import type { Holds } from "./holds.ts"
import type { EvictableEntry, EvictionLedger, EvictTarget } from "./staging.ts"

export interface Evicted {
  evicted: number
  bytes: number
}

const PAGE = 100

export class Evictor {
  readonly #ledger: EvictionLedger
  readonly #holds: Holds
  readonly #remove: (id: BlobId) => Promise<unknown>
  readonly #maxSize: number | null
  /** Evictions for room run one after the other: two at a time would both drop enough for both. */
  #making: Promise<unknown> = Promise.resolve()

  /** @param remove takes the bytes away */
  constructor(
    ledger: EvictionLedger,
    holds: Holds,
    remove: (id: BlobId) => Promise<unknown>,
    maxSize: number | null = null,
  ) {
    this.#ledger = ledger
    this.#holds = holds
    this.#remove = remove
    this.#maxSize = maxSize
  }

  /** False where it is held or the ledger refuses. */
  async discard(id: BlobId): Promise<boolean> {
    const gone = await this.#holds.removing(id, async () => {
      if (!(await this.#ledger.commitEvict(id))) return false
      if (this.#holds.isHeld(id)) this.#holds.leaveToHolder(id)
      else await this.#remove(id)
      return true
    })
    return gone ?? false
  }

  async evict(what: EvictTarget): Promise<Evicted> {
    if (what === "all") return this.#drop(() => false)
    if (what === "oldest") return this.#drop((so) => so.evicted > 0)
    if (what === "oversized") return this.makeRoom(() => this.#over(0))
    if ("bytes" in what) return this.#forBytes(what.bytes)
    const pattern = compilePattern(what.pattern)
    return this.#drop(
      () => false,
      (entry) => runPattern(pattern, entry.id).matched,
    )
  }

  /** Drops until `short` is no longer above 0, asked again after every blob; `short` gets the bytes dropped so far. */
  makeRoom(short: (dropped: number) => number): Promise<Evicted> {
    const making = this.#making.then(() => this.#drop((so) => short(so.bytes) <= 0))
    this.#making = making.catch(() => {})
    return making
  }

  #forBytes(bytes: number): Promise<Evicted> {
    return this.makeRoom((dropped) => (this.#maxSize === null ? bytes - dropped : this.#over(bytes)))
  }

  /** By how much staging would be over its limit with so many bytes more. */
  #over(more: number): number {
    return this.#maxSize === null ? 0 : this.#ledger.usage().bytes + more - this.#maxSize
  }

  async #drop(
    enough: (so: Evicted) => boolean,
    wanted: (entry: EvictableEntry) => boolean = () => true,
  ): Promise<Evicted> {
    const so: Evicted = { evicted: 0, bytes: 0 }
    for (let after: string | null | undefined; after !== null && !enough(so); ) {
      const page = await this.#ledger.evictable({ limit: PAGE, ...(after !== undefined && { after }) })
      for (const entry of page.entries) {
        if (enough(so)) break
        if (!wanted(entry) || !(await this.discard(entry.id))) continue
        so.evicted += 1
        so.bytes += entry.size
      }
      after = page.cursor
      // What is refused is refused without a wait: others get their turn between pages.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return so
  }
}
