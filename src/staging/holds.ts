/**
 * Who needs which content to stay, and what is being removed right now. All decisions are synchronous, so that between looking and acting nobody
 * can come in between.
 *
 * A removal never begins while there is a hold. A receive waits for a removal that has begun before it takes its hold. A plain `take` cannot
 * wait: if it comes after the ledger has let go, the bytes stay as long as the hold, and then they go.
 */
import type { BlobId } from "../core/blob-id.ts"
import type { Hold } from "./staging.ts"

export class Holds {
  readonly #counts = new Map<BlobId, number>()
  readonly #removals = new Map<BlobId, Promise<unknown>>()
  readonly #leftovers = new Set<BlobId>()
  readonly #fresh = new Set<BlobId>()
  readonly #removeLeftover: (id: BlobId) => void

  /** @param removeLeftover begins the removal of content that nobody counts and nobody holds any more */
  constructor(removeLeftover: (id: BlobId) => void) {
    this.#removeLeftover = removeLeftover
  }

  isHeld(id: BlobId): boolean {
    return this.#counts.has(id)
  }

  /** @param onRelease called once, when this hold is released */
  take(id: BlobId, onRelease?: () => void): Hold {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1)
    let released = false
    return {
      release: () => {
        if (released) return
        released = true
        onRelease?.()
        this.#drop(id)
      },
    }
  }

  /** A hold of content that is about to be placed or used again: taken once no removal is under way. */
  async acquire(id: BlobId, onRelease?: () => void): Promise<Hold> {
    while (this.#removals.has(id)) await this.#removalEnded(id)
    return this.take(id, onRelease)
  }

  /** Runs a removal, after one that is under way; null where the content is held. */
  async removing<Result>(id: BlobId, remove: () => Promise<Result>): Promise<Result | null> {
    while (this.#removals.has(id)) await this.#removalEnded(id)
    if (this.#counts.has(id)) return null
    const removal = remove()
    this.#removals.set(id, removal)
    try {
      return await removal
    } finally {
      this.#removals.delete(id)
    }
  }

  /** The ledger has let go of content that somebody holds: it is removed when the last hold goes. */
  leaveToHolder(id: BlobId): void {
    this.#leftovers.add(id)
  }

  /** Held content is good and somebody will count it, or counts it again: it stays when the holds go. */
  keep(id: BlobId): void {
    this.#leftovers.delete(id)
    this.#fresh.delete(id)
  }

  /** Content has been placed where there was none. Until a receive keeps it, a failed one takes it away. */
  placed(id: BlobId): void {
    this.#fresh.add(id)
  }

  /** After a failed receive, its hold released: removes content that no receive has kept. Whoever still holds it decides. */
  async undo(id: BlobId, remove: () => Promise<unknown>): Promise<void> {
    if (!this.#fresh.has(id)) return
    await this.removing(id, async () => {
      if (this.#fresh.delete(id)) await remove()
    })
  }

  /** How it ended is told to whoever began it; here only that it has ended counts. Another one may have begun since. */
  async #removalEnded(id: BlobId): Promise<void> {
    await this.#removals.get(id)?.catch(() => {})
  }

  #drop(id: BlobId): void {
    const count = this.#counts.get(id)!
    if (count > 1) {
      this.#counts.set(id, count - 1)
      return
    }
    this.#counts.delete(id)
    if (this.#leftovers.delete(id)) this.#removeLeftover(id)
  }
}
