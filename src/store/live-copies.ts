/**
 * Copies that are seen now (R11). Before anything is dropped – one copy, a backend, staged bytes – so many others as `minCopies` says must be shown
 * by their backends at that moment: what the catalog remembers of them is no proof that they are still there.
 *
 * One decision about a blob at a time: two that looked at the same moment would each count on what the other is about to drop.
 */
import type { Catalog } from "../catalog/catalog.ts"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { Clock } from "../core/clock.ts"
import { StoredError, toStoredError } from "../core/error.ts"
import { isSameState } from "../core/seen-state.ts"
import type { BackendSet } from "./backend-set.ts"
import type { Kept } from "./keep-bad.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { Log } from "./log.ts"
import { isSynced } from "./reference.ts"

/** How long a backend may take to show a copy, ms. */
const LOOK_DEADLINE = 5_000
/** How long a backend that did not answer is left alone, ms. */
const LEFT_ALONE = 10_000

interface Parts {
  catalog: Pick<Catalog, "location" | "commitDrift">
  backends: BackendSet
  lifecycle: Lifecycle
  clock: Clock
  log: Log
  /** keeps the bytes of a copy that is not as it should be (I8); null where it cannot: then they stay where they are */
  keepBad(location: LocationRecord): Promise<Kept>
  /** told of a backend on which a copy was not as it should be, and is to be mended */
  onDrift(backend: string): void
}

type Seen = NonNullable<LocationRecord["seen"]>

export type Look = "alive" | "absent" | "unanswered"

export class LiveCopies {
  readonly #parts: Parts
  readonly #deciding = new Map<BlobId, Promise<unknown>>()
  /** until when (of the monotonic clock) a backend that did not answer is not asked */
  readonly #silent = new Map<string, number>()
  /** looks that were given up and have not ended, by backend: each may keep a thread of the pool */
  readonly #hanging = new Map<string, number>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Runs a decision to drop something of a blob, after those under way. */
  async deciding<Result>(id: BlobId, decide: () => Promise<Result>): Promise<Result> {
    const before = this.#deciding.get(id)
    const decided = (before ?? Promise.resolve()).then(decide)
    // Whoever comes next waits for the end of this one, good or bad.
    const ended = decided.catch(() => {})
    this.#deciding.set(id, ended)
    try {
      return await decided
    } finally {
      if (this.#deciding.get(id) === ended) this.#deciding.delete(id)
    }
  }

  /** How many backends are seen holding the blob now, counted up to `enough`. Backends that are being removed do not count. */
  async count(blob: BlobRecord, locations: Iterable<LocationRecord>, enough: number): Promise<number> {
    const holders = new Set<string>()
    for (const location of locations) {
      if (holders.size >= enough) break
      if (holders.has(location.backend)) continue
      if ((await this.look(location, blob)) === "alive") holders.add(location.backend)
    }
    return holders.size
  }

  /** Whether a backend shows a proven copy now. One that is missing, of another size, or written since, is put back to work. */
  async look(location: LocationRecord, blob: BlobRecord): Promise<Look> {
    const { backends, log } = this.#parts
    if (!isSynced(location) || location.want !== blob.id || backends.isLeaving(location.backend)) return "absent"
    const { backend, key } = location
    if (this.#isSilent(backend)) return "unanswered"
    try {
      const seen = await this.#stat(location)
      if (seen && isAsProven(seen, location, blob)) return "alive"
      await this.#mend(location, seen ? "corrupt" : "missing")
      return "absent"
    } catch (error) {
      log.warn(
        { error: toStoredError(error).toJSON(), backend, key },
        "a copy could not be looked at; it does not count",
      )
      return "unanswered"
    }
  }

  async #stat({ backend: name, key }: LocationRecord): Promise<Seen | null> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(tooLate(name)), LOOK_DEADLINE)
    const signal = AbortSignal.any([late.signal, this.#parts.lifecycle.signal])
    // A disk that hangs does not know of signals.
    const { promise: over, reject } = Promise.withResolvers<never>()
    const giveUp = (): void => reject(signal.reason)
    signal.addEventListener("abort", giveUp, { once: true })
    const look = async (): Promise<Seen | null> => (await this.#parts.backends.opened(name)).stat(key, { signal })
    const looking = look()
    try {
      return await Promise.race([looking, over])
    } catch (error) {
      if (late.signal.aborted) this.#leaveAlone(name, looking)
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener("abort", giveUp)
    }
  }

  /** Whoever asks a backend that hangs, location by location, waits for hours and takes all threads. */
  #isSilent(backend: string): boolean {
    return (this.#hanging.get(backend) ?? 0) > 0 || (this.#silent.get(backend) ?? 0) > performance.now()
  }

  #leaveAlone(backend: string, looking: Promise<unknown>): void {
    this.#silent.set(backend, performance.now() + LEFT_ALONE)
    this.#hanging.set(backend, (this.#hanging.get(backend) ?? 0) + 1)
    const ended = (): void => void this.#hanging.set(backend, this.#hanging.get(backend)! - 1)
    looking.then(ended, ended)
  }

  /** Unless it was overwritten since it was read from the catalog: then it is not the copy that was looked at. */
  async #mend(location: LocationRecord, state: "missing" | "corrupt"): Promise<void> {
    const { catalog, clock, keepBad, onDrift } = this.#parts
    const { backend, key, generation } = location
    const isOvertaken = (): boolean => catalog.location(backend, key)?.generation !== generation
    if (isOvertaken()) return
    const kept = state === "corrupt" ? await keepBad(location) : undefined
    if (isOvertaken()) return
    const told = { backend, key, state, generation, repair: kept !== null, ...(kept !== undefined && { kept }) }
    await catalog.commitDrift({ ...told, time: clock.now() })
    onDrift(backend)
  }
}

function tooLate(backend: string): StoredError {
  return new StoredError("TIMEOUT", `Backend "${backend}" did not answer in ${LOOK_DEADLINE / 1000} s.`, {
    retryable: true,
  })
}

/** What was written there after the proof may be of the same size and something else. */
function isAsProven(now: Seen, { seen }: LocationRecord, blob: BlobRecord): boolean {
  return now.size === blob.size && (seen === null || isSameState(seen, now))
}
