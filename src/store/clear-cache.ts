/**
 * `cache.clear` (A16): drops staged content that is not pinned and of which enough copies are seen. With `force` the look at the copies is left
 * out, which the journal keeps; pinned content stays all the same, and where there is any nothing is dropped at all.
 */
import type { BlobRecord } from "../catalog/record.ts"
import { StoredError } from "../core/error.ts"
import { everyRow } from "./every-row.ts"
import type { StoreServices } from "./services.ts"

/** @throws StoredError LAST_COPY */
export async function clearCache(
  services: StoreServices,
  { force = false, ...actor }: { force?: boolean; principal?: string; requestId?: string } = {},
): Promise<{ evicted: number; bytes: number }> {
  return services.evictionGuard.askedBy(actor, () => (force ? clearByForce(services) : services.staging.evict("all")))
}

async function clearByForce(services: StoreServices): Promise<{ evicted: number; bytes: number }> {
  requireNoPins(services)
  const so = { evicted: 0, bytes: 0 }
  for (const { id, size, staged } of everyRow(
    (page) => services.catalog.blobs(page),
    (row: BlobRecord) => row.id,
  )) {
    if (!staged || !(await services.evictionGuard.forcing(id, () => services.staging.discard(id)))) continue
    so.evicted += 1
    so.bytes += size
  }
  return so
}

function requireNoPins({ catalog }: StoreServices): void {
  const { pinnedEntries, pinnedBytes } = catalog.usage()
  if (pinnedEntries === 0) return
  throw new StoredError(
    "LAST_COPY",
    `Staging holds ${pinnedEntries} blobs that no backend has yet; nothing was dropped. Let them be synced first.`,
    { details: { entries: pinnedEntries, bytes: pinnedBytes } },
  )
}
