/** An eviction ledger for tests: what the catalog counts as staged, and what of it may go. Least recently committed first. */
import type { BlobId } from "../../src/core/blob-id.ts"
import type { EvictableEntry, EvictionLedger, Received } from "../../src/staging/staging.ts"

interface Row {
  size: number
  /** a backend still wants it */
  pinned: boolean
  lastRead: number
}

export class TestLedger implements EvictionLedger {
  readonly rows = new Map<BlobId, Row>()
  /** called before each eviction commits, with the row still there */
  beforeEvict: (id: BlobId) => void | Promise<void> = () => {}
  #time = 0

  /** What the catalog does after a receive: counts the content, then lets go of the hold. */
  commit(received: Received, { pinned = false } = {}): Received {
    this.#time += 1
    this.rows.set(received.id, { size: received.size, pinned, lastRead: this.#time })
    received.hold.release()
    return received
  }

  async evictable(options: { limit: number; after?: string }): Promise<{
    entries: EvictableEntry[]
    cursor: string | null
  }> {
    const after = Number(options.after ?? 0)
    const entries = [...this.rows]
      .filter(([, row]) => !row.pinned && row.lastRead > after)
      .map(([id, { size, lastRead }]) => ({ id, size, lastRead }))
      .toSorted((a, b) => a.lastRead - b.lastRead)
      .slice(0, options.limit)
    return { entries, cursor: entries.length === options.limit ? String(entries.at(-1)!.lastRead) : null }
  }

  async commitEvict(id: BlobId): Promise<boolean> {
    await this.beforeEvict(id)
    const row = this.rows.get(id)
    if (!row || row.pinned) return false
    return this.rows.delete(id)
  }

  usage(): { bytes: number; entries: number; pinnedBytes: number; pinnedEntries: number } {
    const rows = [...this.rows.values()]
    const pinned = rows.filter((row) => row.pinned)
    const sum = (some: Row[]): number => some.reduce((total, row) => total + row.size, 0)
    return { bytes: sum(rows), entries: rows.length, pinnedBytes: sum(pinned), pinnedEntries: pinned.length }
  }
}
