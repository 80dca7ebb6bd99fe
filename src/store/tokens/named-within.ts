/**
 * What is asked by checksum, for whoever may touch a part of the keys only: it is there for them where an object of theirs names it. Otherwise it is as unknown as what was
 * never put, or putting the same bytes would tell who else has them.
 */
import type { Catalog } from "../../catalog/catalog.ts"
import type { JobPayload } from "../../catalog/record.ts"
import { isFolder } from "../../core/access-prefix.ts"
import type { BlobId } from "../../core/blob-id.ts"
import { resolve } from "../reference.ts"

type Reads = Pick<Catalog, "object" | "blob" | "findByChecksum" | "location" | "locationsOf" | "keysOf">

/** One of the keys within these prefixes that name what a reference names; null where there is none. One look a prefix. @throws StoredError INVALID_KEY */
export function namedWithin(catalog: Reads, reference: string, prefixes: readonly string[]): string | null {
  const target = resolve(catalog, reference)
  return target && keyWithin(catalog, target.blob.id, prefixes)
}

function keyWithin(catalog: Reads, id: BlobId, prefixes: readonly string[]): string | null {
  for (const prefix of prefixes) {
    for (const key of catalog.keysOf(id, { prefix, limit: 1 })) if (isFolder(prefix) || key === prefix) return key
  }
  return null
}

/** The key of the object that a job serves, or of one within these prefixes that names its content; null where there is none. */
export function keyOfJob(catalog: Reads, payload: JobPayload, prefixes: readonly string[]): string | null {
  if (payload.kind === "checksum") return keyWithin(catalog, payload.id, prefixes)
  return catalog.location(payload.backend, payload.key)?.objectKey ?? null
}
