/** The backends that are registered now. One that cannot be opened stays registered and is opened again when it is next needed. */
import type { BackendCapabilities, ExpectedPlace, StorageBackend } from "../backends/backend.ts"
import { type StoredError as Fault, StoredError, toStoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type { RateLimit } from "../core/rate-limit.ts"
import type { BackendWatch } from "./backend-face.ts"
import { KnownPlaces, type PlacesCatalog } from "./known-places.ts"
import { type Log, silentLog } from "./log.ts"

export interface RegisteredBackend {
  name: string
  driver: string
  /** as configured, secrets removed */
  config: JsonObject
  /** whole, secrets too, for workers that open it elsewhere; never shown, kept or logged */
  settings: { driver: string }
  /** nobody else can work for it */
  inProcess: boolean
  backend: StorageBackend
  concurrency: number
  rateLimit: RateLimit | null
  /** of objects without a key of their own */
  keyTemplate: string
  /** ends its watch */
  watching: AbortController
  /** how its watch is; null where it has none */
  watch: { now: BackendWatch | null }
  /** its secrets cannot be had: it is known, and nobody works for it */
  locked?: true
}

interface Entry extends RegisteredBackend {
  opening: Promise<StorageBackend> | null
  fault: Fault | null
}

export class BackendSet {
  readonly #entries = new Map<string, Entry>()
  readonly #defaults: string[] | undefined
  readonly #left: readonly string[]
  readonly #readOnly: boolean
  readonly #places: KnownPlaces | null
  readonly #leaving = new Set<string>()
  readonly #claimed = new Set<string>()

  /**
   * @param defaults names of the default backends; absent: all that are registered
   * @param left names of those that are no default all the same
   * @param options `readOnly`: they are opened only to be looked at. `catalog`: keeps which place each is; absent: nobody does
   */
  constructor(
    defaults: string[] | undefined,
    left: readonly string[] = [],
    { readOnly = false, catalog, log = silentLog }: { readOnly?: boolean; catalog?: PlacesCatalog; log?: Log } = {},
  ) {
    this.#readOnly = readOnly
    this.#places = catalog ? new KnownPlaces(catalog, log, { keep: !readOnly }) : null
    this.#defaults = defaults
    this.#left = left
  }

  /** @param opened whether it is open already. One of the same name is no longer known, and is the caller's to close */
  add(registered: RegisteredBackend, { opened = false } = {}): void {
    const opening = opened ? Promise.resolve(registered.backend) : null
    this.#entries.set(registered.name, { ...registered, opening, fault: null })
  }

  /** Adds, changes or removes one backend at a time. @throws StoredError CONFLICT where that name is being worked on already */
  async claiming<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#claimed.has(name) || this.#leaving.has(name))
      throw new StoredError(
        "CONFLICT",
        `Backend "${name}" is being added, changed or removed now; try again after that.`,
        {
          details: { backend: name },
        },
      )
    this.#claimed.add(name)
    try {
      return await work()
    } finally {
      this.#claimed.delete(name)
    }
  }

  async remove(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    this.#entries.delete(name)
    entry?.watching.abort()
    await entry?.backend.close()
  }

  /** Marks a backend that is being removed: its copies do not count as other copies, and its name is not free. */
  leave(name: string): void {
    this.#leaving.add(name)
  }

  /** It is gone, or stays after all. */
  settleLeaving(name: string): void {
    this.#leaving.delete(name)
  }

  isLeaving(name: string): boolean {
    return this.#leaving.has(name)
  }

  names(): string[] {
    return [...this.#entries.keys()]
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }

  /** Where a put goes that names no backends; never to one that is being removed, and only where that is said to one with content of its own. */
  defaults(): string[] {
    const names = this.#defaults?.filter((name) => this.has(name)) ?? this.names().filter((name) => this.#isOurs(name))
    return names.filter((name) => !this.isLeaving(name))
  }

  #isOurs(name: string): boolean {
    return !this.#left.includes(name) && this.get(name).config.mode !== "observe"
  }

  /** @throws StoredError UNKNOWN_BACKEND */
  get(name: string): RegisteredBackend & { fault: Fault | null } {
    const entry = this.#entries.get(name)
    if (entry) return entry
    const known = this.names().join(", ") || "none"
    throw new StoredError("UNKNOWN_BACKEND", `There is no backend "${name}"; known: ${known}.`, {
      details: { backend: name },
    })
  }

  /** The backend, opened. @throws StoredError of `open`, UNKNOWN_BACKEND */
  opened(name: string): Promise<StorageBackend> {
    const entry = this.get(name) as Entry
    entry.opening ??= this.#open(entry)
    return entry.opening
  }

  /**
   * Opens the backend anew at whatever place its settings lead to: that is its place from now on.
   * @throws StoredError of `open`, UNKNOWN_BACKEND
   */
  accept(name: string): Promise<StorageBackend> {
    const entry = this.get(name) as Entry
    entry.opening = this.#open(entry, { as: "accepted", identity: null })
    return entry.opening
  }

  /** Which place it was when it was open last; null: that is not known, or it can be no other. */
  identityOf(name: string): JsonObject | null {
    return this.#places?.identity(name) ?? null
  }

  /** What it is to be opened with. */
  placeOf(name: string): ExpectedPlace {
    return this.#places?.of(name) ?? { as: "new", identity: null }
  }

  async #open(entry: Entry, place?: ExpectedPlace): Promise<StorageBackend> {
    try {
      const expected = place ?? this.#places?.of(entry.name)
      await entry.backend.open({ readOnly: this.#readOnly, ...(expected && { place: expected }) })
      await this.#places?.keep(entry.name, entry.backend)
      entry.fault = null
      return entry.backend
    } catch (error) {
      entry.opening = null
      entry.fault = toStoredError(error)
      throw entry.fault
    }
  }

  capabilities(name: string): BackendCapabilities {
    return this.get(name).backend.capabilities
  }

  async close(): Promise<void> {
    await Promise.all(this.names().map((name) => this.remove(name)))
  }
}
