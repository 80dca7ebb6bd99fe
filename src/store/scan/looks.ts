/**
 * Looks at places of which it is not known what lies there: what a scan has left to be read, and what a watch has told of. A file that is being written to is
 * left alone until it rests; one that cannot be read now is looked at again later.
 */
import type { BackendEntry } from "../../backends/backend.ts"
import type { Sighting } from "../../catalog/sightings.ts"
import { toStoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import { foundContent } from "./found-content.ts"
import { FoundReader } from "./read-found.ts"
import type { ScannedBackend } from "./scan-parts.ts"
import { statFound } from "./stat-found.ts"
import { commitSightings } from "./tell.ts"
import { isSettled, SETTLE } from "./walk.ts"

const KEYS_AT_ONCE = 256
/** bytes after which a batch is committed */
const BYTES_AT_ONCE = 256 * 2 ** 20
/** ms before places that could not be settled are looked at again; doubled each time in which nothing was */
const LATER = SETTLE / 2
const MOST_LATER = 30_000

export class Looks {
  readonly #scanned: ScannedBackend
  readonly #reader: FoundReader
  #wake = Promise.withResolvers<void>()
  /** under way */
  readonly #busy = new Set<string>()
  readonly #again = new Set<string>()

  constructor(scanned: ScannedBackend) {
    this.#scanned = scanned
    this.#reader = new FoundReader(scanned)
  }

  /** There may be new ones. @param keys that somebody has told of: one that is being looked at is looked at once more */
  nudge(keys: readonly string[] = []): void {
    for (const key of keys) if (this.#busy.has(key)) this.#again.add(key)
    this.#wake.resolve()
  }

  /** Looks until the signal fires. */
  async run(): Promise<void> {
    const { services, name, signal } = this.#scanned
    let delay = LATER
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers()
      const left = await this.#round().catch((error: unknown) => {
        if (signal.aborted) return 0
        services.log.warn(
          { backend: name, error: toStoredError(error).toJSON() },
          "places could not be looked at; later again",
        )
        return 1
      })
      if (signal.aborted) return
      if (left === 0) delay = LATER
      await this.#sleep(left === 0 ? null : delay)
      if (left > 0) delay = Math.min(delay * 2, MOST_LATER)
    }
  }

  /** Looks at each place once. How many are left to be looked at again. */
  async #round(): Promise<number> {
    const { services, name, signal } = this.#scanned
    let left = 0
    for (let after: string | undefined; !signal.aborted; ) {
      const keys = [...services.catalog.looks(name, { limit: KEYS_AT_ONCE, ...(after !== undefined && { after }) })]
      if (keys.length === 0) break
      for (const key of keys) this.#busy.add(key)
      const done = await this.#look(keys).finally(() => this.#busy.clear())
      await this.#keepAgain()
      left += done.left
      after = done.last
    }
    return left
  }

  /** What was told of while it was looked at: the end of that look was not meant. */
  async #keepAgain(): Promise<void> {
    if (this.#again.size === 0) return
    const keys = [...this.#again]
    this.#again.clear()
    await this.#scanned.services.catalog.commitLooks(this.#scanned.name, keys)
  }

  /** @returns the last key that was dealt with: where there is much to read, not all are */
  async #look(keys: readonly string[]): Promise<{ left: number; last: string }> {
    const { services, name, rules, signal } = this.#scanned
    const backend = await services.backends.opened(name)
    const asOf = services.catalog.lastSequence()
    const sightings: Sighting[] = []
    const toRead: { entry: BackendEntry; generation: number | null }[] = []
    let left = 0
    let bytes = 0
    let last = keys[0]!
    const generations = keys.map((key) => services.catalog.location(name, key)?.generation ?? null)
    const states = await Promise.all(keys.map((key) => statFound(this.#scanned, key)))
    for (const [index, key] of keys.entries()) {
      last = key
      const generation = generations[index]!
      const state = states[index]!
      // What no object can be called is nothing that could be taken in.
      const isKey = keyFault(rules.prefix + key) === null
      if (state === null || !isKey) sightings.push({ key, generation, found: null })
      else if (!isSettled(state, services.clock.now())) left += 1
      else {
        toRead.push({ entry: { key, ...state }, generation })
        bytes += state.size
      }
      if (bytes >= BYTES_AT_ONCE) break
    }
    if (sightings.length > 0) await backend.healthCheck({ signal })
    const reads = await this.#reader.read(toRead.map(({ entry }) => entry))
    const unreadable: Sighting[] = []
    for (const [index, { entry, generation }] of toRead.entries()) {
      const read = reads[index]!
      const sighting = { key: entry.key, generation, found: foundContent(this.#scanned, entry.key, entry, read) }
      if (read.type === "read") sightings.push(sighting)
      else if (read.type === "moving") left += 1
      else {
        unreadable.push(generation === null ? { ...sighting, found: null } : sighting)
        services.log.warn({ backend: name, key: entry.key, reason: read.error }, "a found file cannot be read")
      }
    }
    const told = { backend: name, asOf, prefix: rules.prefix }
    if (sightings.length > 0) await commitSightings(services, { ...told, sightings, hash: true })
    // Not asked for again: the next scan does.
    if (unreadable.length > 0) {
      const reasons = { unreadable: unreadable.length }
      await commitSightings(services, { ...told, sightings: unreadable, hash: false, reasons })
    }
    return { left, last }
  }

  #sleep(ms: number | null): Promise<void> {
    const { signal } = this.#scanned
    const { promise } = this.#wake
    return new Promise((resolve) => {
      const timer = ms === null ? null : setTimeout(() => end(), ms)
      const end = (): void => {
        if (timer) clearTimeout(timer)
        signal.removeEventListener("abort", end)
        resolve()
      }
      signal.addEventListener("abort", end, { once: true })
      void promise.then(end)
      if (signal.aborted) end()
    })
  }
}
