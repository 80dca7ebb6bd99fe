/**
 * Looks at places of which it is not known what lies there: what a scan has left to be read, and what a watch has told of. A file that is being written to is
 * left alone until it rests; one that cannot be read now is looked at again later.
 */
import type { BackendEntry, BackendStat } from "../../backends/backend.ts"
import type { LocationRecord, ScanRecord } from "../../catalog/record.ts"
import type { Sighting, SightingsFact } from "../../catalog/sightings.ts"
import { type SerializedError, toStoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import { isSynced } from "../reference.ts"
import { foundContent } from "./found-content.ts"
import { isHeld } from "./is-held.ts"
import { isToBeRead } from "./is-to-be-read.ts"
import { Owed } from "./owed.ts"
import { isPassedOver } from "./passed-over.ts"
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

/** Who is looked at in one go, as it is now. */
interface Place {
  key: string
  location: LocationRecord | null
  /** null: nothing is there, or nobody looked because a pattern passes it over */
  state: BackendStat | null
  isPassedOver: boolean
}

export class Looks {
  readonly #scanned: ScannedBackend
  #wake = Promise.withResolvers<void>()
  #round: { control: AbortController; ended: Promise<void> } | null = null
  /** those who want nothing to be looked at meanwhile */
  #stills = 0
  /** under way */
  readonly #busy = new Set<string>()
  readonly #again = new Set<string>()
  readonly #unrest: Unrest
  readonly #owed = new Owed()
  #reading = 0
  #fault: SerializedError | null = null

  constructor(scanned: ScannedBackend) {
    this.#scanned = scanned
    this.#unrest = new Unrest(scanned.rules.settle)
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

  /** Does something while nothing is looked at; what is being read is left. Afterwards it goes on, unless it is paused. */
  async still(work: () => Promise<void> = async () => {}): Promise<void> {
    this.#stills += 1
    try {
      this.#round?.control.abort()
      await this.#round?.ended
      await work()
    } finally {
      this.#stills -= 1
      this.nudge()
    }
  }

  /** Looks until the signal fires. */
  async run(): Promise<void> {
    const { services, name, signal } = this.#scanned
    for (let delay = FIRST_DELAY; !signal.aborted; ) {
      this.#wake = Promise.withResolvers()
      const next = this.#stills > 0 || isHeld(services.catalog, name) ? null : await this.#begin(delay)
      if (signal.aborted) return
      delay = this.#fault ? Math.min(delay * 2, MOST_DELAY) : FIRST_DELAY
      await this.#sleep(next)
    }
  }

  /** One round. @returns ms until the next one; null: when somebody asks */
  async #begin(delay: number): Promise<number | null> {
    const { services, name, signal } = this.#scanned
    const control = new AbortController()
    const ended = Promise.withResolvers<void>()
    this.#round = { control, ended: ended.promise }
    try {
      await this.#look({ ...this.#scanned, signal: AbortSignal.any([signal, control.signal]) })
      this.#fault = null
      const next = this.#unrest.next()
      return next === null ? null : Math.max(next, TOGETHER)
    } catch (error) {
      if (signal.aborted || control.signal.aborted) return null
      this.#fault = toStoredError(error).toJSON()
      services.log.warn({ backend: name, error: this.#fault }, "places could not be looked at; later again")
      return delay
    } finally {
      this.#round = null
      ended.resolve()
    }
  }

  /** Looks at each place once, but for those that are left alone. */
  async #look(parts: ScannedBackend): Promise<void> {
    const { services, name, signal } = parts
    const before = services.catalog.scan(name)
    const reader = new FoundReader(parts)
    const waiting = new Set<string>()
    let isWhole = true
    for (let after: string | undefined; ; ) {
      if (signal.aborted) return
      const page = [...services.catalog.looks(name, { limit: KEYS_AT_ONCE, ...(after !== undefined && { after }) })]
      if (page.length === 0) break
      const keys = page.filter((key) => !this.#unrest.isResting(key))
      after = page.at(-1)
      if (keys.length > 0) {
        for (const key of keys) this.#busy.add(key)
        const { last, again } = await this.#lookAt(parts, reader, keys).finally(() => this.#busy.clear())
        await this.#keepAgain()
        if (again) isWhole = false
        if (last !== keys.at(-1)) after = last
      }
      for (const key of page) if (this.#unrest.has(key)) waiting.add(key)
    }
    // Of others our own jobs have told meanwhile what lies there.
    this.#unrest.keep(waiting)
    if (isWhole && !this.#unrest.isFull) await this.#settle(before, waiting)
  }

  /** All that a scan has left to be read may have been read by now, while others were told of. */
  async #settle({ state, number, knownAsOf, started }: ScanRecord, waiting: ReadonlySet<string>): Promise<void> {
    if (state !== "done" || knownAsOf === started || !this.#owed.settle(number, waiting)) return
    const { services, name } = this.#scanned
    await services.catalog.commitScan({ backend: name, step: "known", number, time: services.clock.now() })
  }

  /** What was told of while it was looked at: the end of that look was not meant. */
  async #keepAgain(): Promise<void> {
    if (this.#again.size === 0) return
    const keys = [...this.#again]
    this.#again.clear()
    await this.#scanned.services.catalog.commitLooks(this.#scanned.name, keys)
  }

  /** @returns `last`: the last key that was dealt with: where there is much to read, not all are. `again`: some are to be looked at again */
  async #lookAt(
    parts: ScannedBackend,
    reader: FoundReader,
    keys: readonly string[],
  ): Promise<{ last: string; again: boolean }> {
    const { services, name, rules, signal } = parts
    const backend = await services.backends.opened(name)
    const told = { backend: name, asOf: services.catalog.lastSequence(), prefix: rules.prefix }
    const places = await Promise.all(keys.map((key) => see(parts, key)))
    const seen: Sighting[] = []
    const listed: Sighting[] = []
    const toRead: { entry: BackendEntry; generation: number | null }[] = []
    let bytes = 0
    let isGone = false
    let last = keys[0]!
    for (const { key, location, state, isPassedOver } of places) {
      last = key
      const generation = location?.generation ?? null
      if (isPassedOver || state === null) {
        this.#unrest.settle(key)
        seen.push({ key, generation, found: null, ...(isPassedOver && { ignored: true }) })
        isGone ||= !isPassedOver
        if (location && !isPassedOver) parts.gone.keep(location, isSynced(location))
      } else if (!isSettled(state, services.clock.now(), rules.settle)) this.#unrest.leave(key)
      else if (isToBeRead(parts, location, state)) {
        toRead.push({ entry: { key, ...state }, generation })
        bytes += state.size
      } else {
        this.#unrest.settle(key)
        listed.push({ key, generation, found: foundContent(parts, key, state, reader.told(state)) })
      }
      if (bytes >= BYTES_AT_ONCE) break
    }
    if (isGone) await backend.healthCheck({ signal })
    const reads = await this.#read(
      reader,
      toRead.map(({ entry }) => entry),
    )
    const unreadable: Sighting[] = []
    for (const [index, { entry, generation }] of toRead.entries()) {
      const read = reads[index]!
      const sighting = { key: entry.key, generation, found: foundContent(parts, entry.key, entry, read) }
      if (read.type === "moving") {
        this.#unrest.leave(entry.key, entry.size)
        continue
      }
      this.#unrest.settle(entry.key)
      if (read.type === "read") seen.push(sighting)
      else {
        unreadable.push(generation === null ? { ...sighting, found: null } : sighting)
        services.log.warn({ backend: name, key: entry.key, reason: read.error }, "a found file cannot be read")
      }
    }
    let again = 0
    const tell = async (fact: Pick<SightingsFact, "sightings" | "hash" | "listed" | "reasons">): Promise<void> => {
      if (fact.sightings.length > 0) again += (await commitSightings(services, { ...told, ...fact })).again
    }
    await tell({ sightings: seen, hash: true })
    await tell({ sightings: listed, hash: false, listed: true })
    // Not asked for again: the next scan does.
    await tell({ sightings: unreadable, hash: false, reasons: { unreadable: unreadable.length } })
    return { last, again: again > 0 }
  }

  async #read(reader: FoundReader, entries: readonly BackendEntry[]): Promise<FoundRead[]> {
    this.#reading = entries.length
    try {
      return await reader.read(entries)
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

/** What the catalog says of a place, and then what lies there. What no object can be called is nothing that could be taken in. */
async function see(parts: ScannedBackend, key: string): Promise<Place> {
  const { services, name, rules } = parts
  const location = services.catalog.location(name, key)
  const isPassed = isPassedOver(parts, key, location)
  const isKey = keyFault(rules.prefix + key) === null
  const state = isPassed || !isKey ? null : await statFound(parts, key)
  return { key, location, state, isPassedOver: isPassed }
}
