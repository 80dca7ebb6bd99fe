/**
 * What has left since a look was planned: keys that were deleted or renamed, and places that were cleared. A look that may be older than that must not bring
 * them back (I10); only a later one tells.
 */
import { numberKey } from "../../rows/key.ts"
import type { Rows } from "../../rows/rows.ts"
import type { SightingsFact } from "../../sightings.ts"

export class LeftSince {
  readonly #rows: Rows
  readonly #backend: string
  readonly #asOf: number
  #left: { objects: Set<string>; places: Set<string> } | null = null

  constructor(rows: Rows, { backend, asOf }: Pick<SightingsFact, "backend" | "asOf">) {
    this.#rows = rows
    this.#backend = backend
    this.#asOf = asOf
  }

  /** Whether this place of the backend was cleared, or the object that it would be was deleted. */
  has(key: string, objectKey: string): boolean {
    const isBuried = this.#rows.get("tombstones", objectKey) !== null
    // The journal need not be asked where nothing ever left.
    if (!isBuried && this.#rows.get("generations", this.#backend) === null) return false
    this.#left ??= this.#read()
    return this.#left.places.has(key) || (isBuried && this.#left.objects.has(objectKey))
  }

  #read(): { objects: Set<string>; places: Set<string> } {
    const objects = new Set<string>()
    const places = new Set<string>()
    for (const [, { command, key, backend, detail }] of this.#rows.range("journal", { after: numberKey(this.#asOf) })) {
      if (command === "delete" && key !== null) objects.add(key)
      if (command === "moved" && typeof detail.from === "string") objects.add(detail.from)
      if (backend === this.#backend && typeof detail.place === "string") places.add(detail.place)
    }
    return { objects, places }
  }
}
