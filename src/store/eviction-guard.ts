/**
 * The catalog as staging asks it before it drops anything, with one question more (R11): are there as many copies as `minCopies` says, seen now?
 * Content that nothing names and nothing wants goes without.
 *
 * A put that needs room waits for this. So a backend that does not answer is not asked again for a while: its copies do not count meanwhile.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { Actor, Catalog } from "../catalog/catalog.ts"
import type { BlobRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { EvictableEntry, EvictionLedger } from "../staging/staging.ts"
import type { BackendSet } from "./backend-set.ts"
import type { LiveCopies } from "./live-copies.ts"
import { isUnnamed } from "./reclaim.ts"
import { provenCopies } from "./reference.ts"

/** How long a backend that did not answer is left alone, ms. */
const LEFT_ALONE = 10_000

interface Parts {
  catalog: Catalog
  backends: BackendSet
  copies: LiveCopies
  minCopies: number
}

export class EvictionGuard implements EvictionLedger {
  readonly #parts: Parts
  /** until when (of the monotonic clock) a backend is not asked */
  readonly #silent = new Map<string, number>()
  readonly #forced = new Set<BlobId>()
  /** Who asked, for the journal. Staging goes through queues of its own in between, and need not know. */
  readonly #actor = new AsyncLocalStorage<Actor>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  evictable(page: { limit: number; after?: string }): Promise<{ entries: EvictableEntry[]; cursor: string | null }> {
    return this.#parts.catalog.evictable(page)
  }

  usage(): ReturnType<EvictionLedger["usage"]> {
    return this.#parts.catalog.usage()
  }

  commitEvict(id: BlobId): Promise<boolean> {
    const { catalog, copies } = this.#parts
    const actor = this.#actor.getStore()
    return copies.deciding(id, async () => {
      if (this.#forced.has(id)) return catalog.commitEvict(id, { forced: true, ...actor })
      const blob = catalog.blob(id)
      if (!blob || !(isUnnamed(this.#parts, id) || (await this.#hasEnough(blob)))) return false
      return catalog.commitEvict(id, actor)
    })
  }

  /** What `work` has evicted was asked for by somebody. */
  askedBy<Result>(actor: Actor, work: () => Result): Result {
    return this.#actor.run(actor, work)
  }

  /** While `evict` runs, this content goes without a look at its copies; the journal says so. */
  async forcing(id: BlobId, evict: () => Promise<boolean>): Promise<boolean> {
    this.#forced.add(id)
    try {
      return await evict()
    } finally {
      this.#forced.delete(id)
    }
  }

  async #hasEnough(blob: BlobRecord): Promise<boolean> {
    const { catalog, backends, copies, minCopies } = this.#parts
    const holders = new Set<string>()
    for (const location of provenCopies(catalog, { blob, object: null }, backends.names())) {
      if (holders.size >= minCopies) break
      if (holders.has(location.backend) || this.#isSilent(location.backend)) continue
      const seen = await copies.look(location, blob)
      if (seen === "alive") holders.add(location.backend)
      if (seen === "unanswered") this.#silent.set(location.backend, performance.now() + LEFT_ALONE)
    }
    return holders.size >= minCopies
  }

  #isSilent(backend: string): boolean {
    return (this.#silent.get(backend) ?? 0) > performance.now()
  }
}
