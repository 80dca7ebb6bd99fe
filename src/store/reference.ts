/** What callers name things by: a key, a blob id, or any known checksum (A3). Parsed once, here. */
import type { Catalog } from "../catalog/catalog.ts"
import type { BlobRecord, LocationRecord, ObjectRecord } from "../catalog/record.ts"
import { isBlobId, isProvisional, parseChecksumReference } from "../core/blob-id.ts"
import { NotFoundError } from "../core/error.ts"
import { parseKey } from "../core/key.ts"

/** What a reference names: a blob, and the object where it was named by key. */
export interface Target {
  blob: BlobRecord
  /** null where it was named by id or checksum */
  object: ObjectRecord | null
}

type Reads = Pick<Catalog, "object" | "blob" | "findByChecksum" | "location" | "locationsOf">

/** Null where there is no such thing. @throws StoredError INVALID_KEY */
export function resolve(catalog: Reads, reference: string): Target | null {
  if (typeof reference === "string" && isBlobId(reference) && isProvisional(reference)) {
    const blob = catalog.blob(reference)
    return blob && { blob, object: null }
  }
  const checksum = typeof reference === "string" && reference.includes(":") ? parseChecksumReference(reference) : null
  if (checksum) {
    const id = isBlobId(reference) ? reference : catalog.findByChecksum(checksum.algorithm, checksum.hex)
    // A blake3 or sha256 that is only a side checksum leads to the blob too.
    const blob = (id && catalog.blob(id)) ?? blobBySide(catalog, checksum)
    return blob && { blob, object: null }
  }
  const object = catalog.object(parseKey(reference))
  const blob = object && catalog.blob(object.id)
  return blob ? { blob, object } : null
}

function blobBySide(
  catalog: Reads,
  checksum: { algorithm: Parameters<Reads["findByChecksum"]>[0]; hex: string },
): BlobRecord | null {
  const id = catalog.findByChecksum(checksum.algorithm, checksum.hex)
  return id && catalog.blob(id)
}

/** @throws StoredError NOT_FOUND, INVALID_KEY */
export function requireTarget(catalog: Reads, reference: string): Target {
  const target = resolve(catalog, reference)
  if (target) return target
  throw new NotFoundError(`There is no object "${reference}".`, { details: { reference } })
}

export const MOST_LOCATIONS = 100

/** The copies that a target should have: those of the object, or up to 100 of the blob. */
export function locationsOf(catalog: Reads, target: Target): LocationRecord[] {
  if (!target.object) return [...catalog.locationsOf(target.blob.id, { limit: MOST_LOCATIONS })]
  const locations: LocationRecord[] = []
  for (const copy of target.object.copies) {
    const location = catalog.location(copy.backend, copy.key)
    if (location) locations.push(location)
  }
  return locations
}

/**
 * Proven copies to read from: those of the object, or of the blob under any of its keys, a few of each backend. A blob may stand under 100,000 keys;
 * the search ends once every backend has given one.
 */
export function provenCopies(catalog: Reads, target: Target, backends: readonly string[]): LocationRecord[] {
  if (target.object) return locationsOf(catalog, target).filter(isSynced)
  const found: LocationRecord[] = []
  const counts = new Map<string, number>()
  for (const location of catalog.locationsOf(target.blob.id)) {
    const count = counts.get(location.backend) ?? 0
    if (count >= MOST_OF_ONE_BACKEND || !isSynced(location)) continue
    counts.set(location.backend, count + 1)
    found.push(location)
    if (backends.every((name) => (counts.get(name) ?? 0) >= MOST_OF_ONE_BACKEND)) break
  }
  return found
}

const MOST_OF_ONE_BACKEND = 3

/** Proven to hold the blob that is wanted there. */
export function isSynced(location: LocationRecord): boolean {
  return location.state === "synced" && location.want !== null && location.have === location.want
}
