/**
 * The entries of a listing beside the catalog's locations of that backend, both in the order of their keys (DESIGN §4, scan). Nothing is decided here: what
 * differs is what somebody should look at.
 */
import type { BackendEntry } from "../../backends/backend.ts"
import type { LocationRecord } from "../../catalog/record.ts"
import { compareKeys } from "../../catalog/rows/order.ts"
import { isProvisional } from "../../core/blob-id.ts"
import { isSameState } from "../../core/seen-state.ts"
import { isSynced } from "../reference.ts"

/** `entry` null: it is not listed. `location` null: the catalog does not know of it. */
export interface Difference {
  key: string
  entry: BackendEntry | null
  location: LocationRecord | null
}

/** Locations in order, one looked at ahead. */
export class LocationCursor {
  readonly #rows: Iterator<LocationRecord>
  #next: LocationRecord | null = null
  #ended = false

  constructor(rows: Iterable<LocationRecord>) {
    this.#rows = rows[Symbol.iterator]()
  }

  peek(): LocationRecord | null {
    if (this.#next === null && !this.#ended) {
      const { value, done } = this.#rows.next()
      this.#ended = done === true
      this.#next = done ? null : value
    }
    return this.#next
  }

  take(): void {
    this.#next = null
  }
}

/**
 * What differs in a page.
 * @param isLast whether the listing ends with this page: every location behind it is not listed
 * @param hash whether content that was never read counts as a difference
 * @param known whether what the catalog knows to be missing or bad does too
 * @param isIgnored whether a pattern passes a key over: what the catalog knows to be missing there does too
 */
export function* differences(
  entries: readonly BackendEntry[],
  locations: LocationCursor,
  {
    isLast,
    hash,
    known = false,
    isIgnored = () => false,
  }: { isLast: boolean; hash: boolean; known?: boolean; isIgnored?: (key: string) => boolean },
): Generator<Difference> {
  const isKept = ({ key, state }: LocationRecord): boolean =>
    HELD.has(state) || (state === "missing" && (known || isIgnored(key)))
  for (const entry of entries) {
    yield* unlisted(locations, entry.key, isKept)
    const location = locations.peek()
    if (location?.key !== entry.key) {
      yield { key: entry.key, entry, location: null }
      continue
    }
    locations.take()
    if (isToBeLookedAt(location, entry, hash, known)) yield { key: entry.key, entry, location }
  }
  if (isLast) yield* unlisted(locations, null, isKept)
}

/** @param isKept of which it is told where they are not listed */
function* unlisted(
  locations: LocationCursor,
  before: string | null,
  isKept: (location: LocationRecord) => boolean,
): Generator<Difference> {
  for (let location = locations.peek(); location; location = locations.peek()) {
    if (before !== null && compareKeys(location.key, before) >= 0) return
    locations.take()
    if (location.want !== null && isKept(location)) yield { key: location.key, entry: null, location }
  }
}

/** States of what should be listed: others are our own work under way, or known to be gone. */
const HELD = new Set<LocationRecord["state"]>(["synced", "changed", "corrupt"])
const DOUBTED = new Set<LocationRecord["state"]>(["changed", "corrupt", "missing"])

function isToBeLookedAt(location: LocationRecord, entry: BackendEntry, hash: boolean, known: boolean): boolean {
  const { want, seen, state } = location
  if (want === null) return false
  if (isSynced(location)) {
    if (hash && isProvisional(want)) return true
    return seen === null || !isSameState(seen, entry)
  }
  if (!DOUBTED.has(state)) return false
  return known || state !== "corrupt" || seen === null || !isSameState(seen, entry)
}
