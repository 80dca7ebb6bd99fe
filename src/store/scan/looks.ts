/**
 * Looks at places of which it is not known what lies there: what a scan has left to be read, and what a watch has told of. A file that is being written to is
 * left alone until it rests; one that cannot be read now is looked at again later.
 */
import type { BackendEntry } from "../../backends/backend.ts"
import type { Sighting } from "../../catalog/sightings.ts"
import { type SerializedError, toStoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import { foundContent } from "./found-content.ts"
import { type FoundRead, FoundReader } from "./read-found.ts"
import type { ScannedBackend } from "./scan-parts.ts"
import { statFound } from "./stat-found.ts"
import { commitSightings } from "./tell.ts"
import { Unrest } from "./unrest.ts"
import { isSettled } from "./walk.ts"

const KEYS_AT_ONCE = 256
/** bytes after which a batch is committed */
const BYTES_AT_ONCE = 256 * 2 ** 20
/** ms after which places that had to wait are looked at together, at the earliest */
const TOGETHER = 100
/** ms before it is tried again where a fault has broken off a round, doubled each time */
const FIRST_DELAY = 200
const MOST_DELAY = 30_000

export class Looks {
  readonly #scanned: ScannedBackend
  readonly #reader: FoundReader
  #wake = Promise.withResolvers<void>()
  /** under way */
  readonly #busy = new Set<string>()
  readonly #again = new Set<string>()
  readonly #unrest = new Unrest()
  #reading = 0
  #fault: SerializedError | null = null

  constructor(scanned: ScannedBackend) {
    this.#scanned = scanned
    this.#reader = new FoundReader(scanned)
  }

  /** Files that are being read. */
  get reading(): number {
    return this.#reading
  }

  /** Files that are left alone because they are written to. */
  get changing(): number {
    return this.#unrest.size
  }

  /** Why nothing can be looked at for the time being. */
  get fault(): SerializedError | null {
    return this.#fault
  }

  /** Whether a file is left alone because it is written to. */
  isChanging(key: string): boolean {
    return this.#unrest.has(key)
  }

  /** There may be new ones. @param keys that somebody has told of: one that is being looked at is looked at once more */
  nudge(keys: readonly string[] = []): void {
    for (const key of keys) if (this.#busy.has(key)) this.#again.add(key)
    this.#wake.resolve()
  }

  /** Looks until the signal fires. */
  async run(): Promise<void> {
    const { services, name, signal } = this.#scanned
    for (let delay = FIRST_DELAY; !signal.aborted; ) {
      this.#wake = Promise.withResolvers()
      try {
        await this.#round()
        this.#fault = null
        delay = FIRST_DELAY
        const next = this.#unrest.next()
        await this.#sleep(next === null ? null : Math.max(next, TOGETHER))
      } catch (error) {
        if (signal.aborted) return
        this.#fault = toStoredError(error).toJSON()
        services.log.warn({ backend: name, error: this.#fault }, "places could not be looked at; later again")
        await this.#sleep(delay)
        delay = Math.min(delay * 2, MOST_DELAY)
      }
    }
  }

  /** Looks at each place once, but for those that are left alone. */
  async #round(): Promise<void> {
    const { services, name, signal } = this.#scanned
    const waiting = new Set<string>()
    for (let after: string | undefined; ; ) {
      if (signal.aborted) return
      const page = [...services.catalog.looks(name, { limit: KEYS_AT_ONCE, ...(after !== undefined && { after }) })]
      if (page.length === 0) break
      const keys = page.filter((key) => !this.#unrest.isResting(key))
      after = page.at(-1)
      if (keys.length > 0) {
        for (const key of keys) this.#busy.add(key)
        const last = await this.#look(keys).finally(() => this.#busy.clear())
        await this.#keepAgain()
        if (last !== keys.at(-1)) after = last
      }
      for (const key of page) if (this.#unrest.has(key)) waiting.add(key)
    }
    // Of others our own jobs have told meanwhile what lies there.
    this.#unrest.keep(waiting)
  }

  /** What was told of while it was looked at: the end of that look was not meant. */
  async #keepAgain(): Promise<void> {
    if (this.#again.size === 0) return
    const keys = [...this.#again]
    this.#again.clear()
    await this.#scanned.services.catalog.commitLooks(this.#scanned.name, keys)
  }

  /** @returns the last key that was dealt with: where there is much to read, not all are */
  async #look(keys: readonly string[]): Promise<string> {
    const { services, name, rules, signal } = this.#scanned
    const backend = await services.backends.opened(name)
    const asOf = services.catalog.lastSequence()
    const sightings: Sighting[] = []
    const toRead: { entry: BackendEntry; generation: number | null }[] = []
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
      if (state === null || !isKey) {
        this.#unrest.settle(key)
        sightings.push({ key, generation, found: null })
      } else if (!isSettled(state, services.clock.now())) this.#unrest.leave(key)
      else {
        toRead.push({ entry: { key, ...state }, generation })
        bytes += state.size
      }
      if (bytes >= BYTES_AT_ONCE) break
    }
    if (sightings.length > 0) await backend.healthCheck({ signal })
    const reads = await this.#read(toRead.map(({ entry }) => entry))
    const unreadable: Sighting[] = []
    for (const [index, { entry, generation }] of toRead.entries()) {
      const read = reads[index]!
      const sighting = { key: entry.key, generation, found: foundContent(this.#scanned, entry.key, entry, read) }
      if (read.type === "moving") {
        this.#unrest.leave(entry.key, entry.size)
        continue
      }
      this.#unrest.settle(entry.key)
      if (read.type === "read") sightings.push(sighting)
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
    return last
  }

  async #read(entries: readonly BackendEntry[]): Promise<FoundRead[]> {
    this.#reading = entries.length
    try {
      return await this.#reader.read(entries)
    } finally {
      this.#reading = 0
    }
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
