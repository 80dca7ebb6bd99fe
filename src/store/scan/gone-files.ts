/**
 * Files that are gone from where they were, by their states: a directory that was renamed takes its files along, and each is then found under another key in the very state
 * in which it was read. It need not be read again (decision 0023).
 *
 * Kept in memory, and not for ever: what is forgotten is read.
 */
import type { BackendEntry } from "../../backends/backend.ts"
import type { LocationRecord } from "../../catalog/record.ts"
import { isProvisional } from "../../core/blob-id.ts"
import { isSynced } from "../reference.ts"
import type { FoundRead } from "./read-found.ts"
import type { ScannedBackend } from "./scan-parts.ts"

/** some 30 MB */
const MOST = 200_000

export class GoneFiles {
  /** key, by etag */
  readonly #places = new Map<string, string>()

  /** It is gone. @param location as it was before */
  keep({ key, want, found, seen }: LocationRecord, isGood: boolean): void {
    const etag = seen?.file === undefined ? undefined : seen.etag
    if (!isGood || !found || want === null || isProvisional(want) || etag === undefined) return
    this.#places.delete(etag)
    this.#places.set(etag, key)
    if (this.#places.size > MOST) this.#places.delete(this.#places.keys().next().value!)
  }

  /** Where a file was that is in this state. */
  placeOf({ etag, file }: BackendEntry): string | undefined {
    return etag === undefined || file === undefined ? undefined : this.#places.get(etag)
  }
}

/** What is known of a file under its earlier key, where nothing can have touched its content since; absent: it is to be read. */
export async function knownElsewhere(parts: ScannedBackend, entry: BackendEntry): Promise<FoundRead | undefined> {
  const { services, name, backend, gone } = parts
  const place = gone.placeOf(entry)
  const location = place === undefined || place === entry.key ? null : services.catalog.location(name, place)
  if (!location?.found || !isSameFile(location, entry) || !location.verified) return undefined
  const isGood = isSynced(location) || location.state === "missing"
  if (!isGood || !(await backend.keepsChangeTimes?.(entry.key))) return undefined
  const checksums = services.catalog.blob(location.want!)?.checksums
  if (!checksums || services.config.checksums.some((each) => checksums[each] === undefined)) return undefined
  return { type: "read", checksums, verified: location.verified }
}

/** All that is known of its state is as it was, the time of its last change among it. */
function isSameFile({ seen }: LocationRecord, { size, modified, etag, file }: BackendEntry): boolean {
  return seen?.size === size && seen.modified === modified && seen.etag === etag && seen.file === file
}
