/**
 * Which place each backend is, as the catalog keeps it from one opening to the next, so that an empty mount point is not taken for a disk that has lost everything.
 * Drivers whose place can be no other one tell nothing, and nothing is kept of them.
 */
import type { ExpectedPlace, StorageBackend } from "../backends/backend.ts"
import type { Catalog } from "../catalog/catalog.ts"
import { toStoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type { Log } from "./log.ts"

/** Locations that are looked at to see whether a backend should hold anything. */
const LOOKED_AT = 1_000

export type PlacesCatalog = Pick<Catalog, "backends" | "locations" | "commitIdentity">

export class KnownPlaces {
  readonly #catalog: PlacesCatalog
  readonly #log: Log
  readonly #isKept: boolean

  /** @param options `keep` false: nothing is changed in the catalog */
  constructor(catalog: PlacesCatalog, log: Log, { keep }: { keep: boolean }) {
    this.#catalog = catalog
    this.#log = log
    this.#isKept = keep
  }

  /** What a backend is to be opened with. */
  of(name: string): ExpectedPlace {
    const identity = this.identity(name)
    return { as: identity || this.#holdsCopies(name) ? "known" : "new", identity }
  }

  /** Which place it was when it was open last; null: that is not known, or it can be no other. */
  identity(name: string): JsonObject | null {
    return this.#catalog.backends().find((record) => record.name === name)?.identity ?? null
  }

  /** Keeps which place it turned out to be; never throws. */
  async keep(name: string, { identity }: Pick<StorageBackend, "identity">): Promise<void> {
    if (!this.#isKept || !identity || JSON.stringify(identity) === JSON.stringify(this.identity(name))) return
    try {
      await this.#catalog.commitIdentity({ backend: name, identity })
    } catch (error) {
      this.#log.warn(
        { backend: name, error: toStoredError(error).toJSON() },
        "which place a backend is could not be kept; it will be at its next opening",
      )
    }
  }

  /** Of a backend that an older program has opened. More jobs that have done nothing yet than can be looked at count as copies. */
  #holdsCopies(name: string): boolean {
    let count = 0
    for (const { have, seen } of this.#catalog.locations(name, { limit: LOOKED_AT })) {
      if (have !== null || seen !== null) return true
      count += 1
    }
    return count === LOOKED_AT
  }
}
