/**
 * Bytes at a backend that are not what should be there, and do not become a new version of it, are kept before the catalog is told of them (I8): from then on they
 * may be written over, at once or when somebody heals them.
 */
import type { LocationRecord } from "../../catalog/record.ts"
import type { FoundContent, Sighting, SightingsFact } from "../../catalog/sightings.ts"
import { isProvisional } from "../../core/blob-id.ts"
import { isSameState } from "../../core/seen-state.ts"
import { keepBad } from "../keep-bad.ts"
import { isSynced } from "../reference.ts"
import type { StoreServices } from "../services.ts"

/** The sightings with what became of such bytes. @throws StoredError ABORTED */
export async function keepReplaced(
  services: StoreServices,
  { backend: name, sightings }: Pick<SightingsFact, "backend" | "sightings">,
): Promise<Sighting[]> {
  const told: Sighting[] = []
  for (const sighting of sightings) {
    const { key, found } = sighting
    const location = services.catalog.location(name, key)
    if (!found || !location || location.generation !== sighting.generation || !isReplaced(services, location, found)) {
      told.push(sighting)
      continue
    }
    const bad = { backend: name, key, id: location.want!, size: found.size }
    const kept = await keepBad(services, await services.backends.opened(name), bad, services.lifecycle.signal)
    told.push(kept === undefined ? sighting : { ...sighting, found: { ...found, kept } })
  }
  return told
}

function isReplaced(services: StoreServices, location: LocationRecord, found: FoundContent): boolean {
  const { want, state, seen, error } = location
  if (found.id === null || want === null || found.id === want || isProvisional(want)) return false
  const enforces = services.backends.get(location.backend).config.mode === "enforce"
  // An edit of what was found there is a new version.
  const isRotten = seen !== null && isSameState(seen, found)
  if (location.found && !enforces && !isRotten) return false
  if (state !== "corrupt") return true
  // What is known to be bad was kept then. Now it is to be put right, unless that is under way, or nothing can feed it.
  const blob = services.catalog.blob(want)
  const feeds = blob !== null && (blob.staged || blob.synced - (isSynced(location) ? 1 : 0) > 0)
  return enforces && error !== null && feeds
}
