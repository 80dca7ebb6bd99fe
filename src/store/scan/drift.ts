/** What lies at a backend now against the catalog (C10). Only looked at: nothing is read, and nothing is changed. */
import type { BackendEntry, StorageBackend } from "../../backends/backend.ts"
import type { LocationRecord } from "../../catalog/record.ts"
import { isProvisional } from "../../core/blob-id.ts"
import { throwIfAborted } from "../../core/error.ts"
import { isSynced } from "../reference.ts"
import type { DriftEntry, DriftKind, DriftOptions } from "../scan-face.ts"
import type { StoreServices } from "../services.ts"
import { type Difference, differences, LocationCursor } from "./compare.ts"
import { isPassedOver } from "./passed-over.ts"
import { ignoring } from "./patterns.ts"

const ENTRIES_AT_ONCE = 500
/** Whatever differs counts. */
const ALL = { hash: true, known: true } as const

/** Pages, none of them empty. */
export async function* drift(
  services: StoreServices,
  name: string,
  { limit = Number.POSITIVE_INFINITY, signal }: DriftOptions = {},
): AsyncGenerator<DriftEntry[], void, undefined> {
  services.lifecycle.requireOpen()
  const registered = services.backends.get(name)
  const backend = await services.backends.opened(name)
  const isIgnored = ignoring(services.scans.rules(registered).ignore)
  const locations = new LocationCursor(services.catalog.locations(name))
  let left = limit
  const take = async (entries: BackendEntry[], isLast: boolean): Promise<DriftEntry[]> => {
    const page: DriftEntry[] = []
    for (const each of differences(entries, locations, { isLast, ...ALL })) {
      if (page.length >= left) break
      const found = isIgnored(each.key) && !each.entry ? await unlisted(backend, each, { isIgnored, signal }) : each
      if (found) page.push(describe(services, name, found))
    }
    left -= page.length
    return page
  }
  let entries: BackendEntry[] = []
  for await (const entry of backend.list({ passesOver: isIgnored, ...(signal && { signal }) })) {
    throwIfAborted(signal)
    services.lifecycle.requireOpen()
    if (!isIgnored(entry.key)) entries.push(entry)
    if (entries.length < ENTRIES_AT_ONCE) continue
    const page = await take(entries, false)
    entries = []
    if (page.length > 0) yield page
    if (left <= 0) return
  }
  const page = await take(entries, true)
  if (page.length > 0) yield page
}

/** A pattern passes it over, so that it is not listed. What StoreD wrote there is asked for by its name; null where that is as it should be. */
async function unlisted(
  backend: StorageBackend,
  { key, location }: Difference,
  { isIgnored, signal }: { isIgnored(key: string): boolean; signal: AbortSignal | undefined },
): Promise<Difference | null> {
  if (!location || isPassedOver({ isIgnored }, key, location)) return null
  const state = await backend.stat(key, signal ? { signal } : {})
  const entries = state ? [{ key, ...state }] : []
  const [found] = differences(entries, new LocationCursor([location]), { isLast: true, ...ALL })
  return found ?? null
}

function describe(services: StoreServices, name: string, { key, entry, location }: Difference): DriftEntry {
  const { catalog, scans } = services
  const want = location?.want ?? null
  const blob = want === null ? null : catalog.blob(want)
  const others = (blob?.synced ?? 0) - (location && isSynced(location) ? 1 : 0)
  return {
    kind: kindOf(entry, location),
    key,
    objectKey: location?.objectKey ?? null,
    size: entry?.size ?? null,
    checksum: want,
    healable: want !== null && !isProvisional(want) && ((blob?.staged ?? false) || others > 0),
    ...(entry && scans.isChanging(name, key) && { changing: true }),
  }
}

function kindOf(entry: BackendEntry | null, location: LocationRecord | null): DriftKind {
  if (!location) return "new"
  if (!entry) return "missing"
  if (isSynced(location) && isProvisional(location.want!) && location.seen?.etag === entry.etag) return "unread"
  return location.found && location.state !== "corrupt" ? "changed" : "corrupt"
}
