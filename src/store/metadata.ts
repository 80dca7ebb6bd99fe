/** Assembles the Metadata object that callers see (A17) from the catalog's rows. */
import type { LocationRecord } from "../catalog/record.ts"
import type { JsonObject } from "../core/json.ts"
import type { Metadata, MetadataLocation } from "../core/metadata.ts"
import { isSynced, locationsOf, type Target } from "./reference.ts"
import type { StoreServices } from "./services.ts"

type Parts = Pick<StoreServices, "catalog" | "runner">

export function describe(parts: Parts, target: Target, known?: LocationRecord[]): Metadata {
  const { blob } = target
  const object = target.object ?? firstObject(parts, target)
  const locations = known ?? locationsOf(parts.catalog, target)
  return {
    id: blob.id,
    key: object?.key ?? null,
    version: object?.version ?? 0,
    checksums: { ...blob.checksums },
    checksumState: blob.checksumState,
    size: blob.size,
    mimeType: object?.mimeType ?? blob.mimeType,
    locations: locations.map((location) => describeLocation(parts, location)),
    locationCount: target.object ? locations.length : blob.wanted,
    staged: blob.staged,
    state: object?.state ?? "ACTIVE",
    created: object?.created ?? blob.created,
    modified: Math.max(object?.modified ?? 0, blob.modified),
    written: target.object?.modified ?? blob.created,
    custom: object ? copyOf(object.custom) : {},
  }
}

/** Callers may change what they get. Most objects have no custom metadata, and a structured clone of nothing costs as much as a row. */
function copyOf(custom: JsonObject): JsonObject {
  for (const _ in custom) return structuredClone(custom)
  return {}
}

function firstObject(parts: Parts, target: Target) {
  for (const key of parts.catalog.keysOf(target.blob.id, { limit: 1 })) return parts.catalog.object(key)
  return null
}

function describeLocation(parts: Parts, location: LocationRecord): MetadataLocation {
  const { backend, key, state, attempts, error } = location
  const synced = isSynced(location)
  return {
    backend,
    key,
    synced,
    state: state === "pending" && parts.runner.isSyncing(backend, key) ? "syncing" : state,
    verifiedAt: synced ? (location.verified?.at ?? null) : null,
    attempts,
    error,
  }
}
