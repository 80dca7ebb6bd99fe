/** What a put is answered with: the record as it was committed, unless the caller waited for copies: then the rows have moved on. */
import type { PutCommit } from "../catalog/catalog.ts"
import { StoredError } from "../core/error.ts"
import type { PutResult } from "../core/metadata.ts"
import { describe } from "./metadata.ts"
import type { StoreServices } from "./services.ts"

export function putResult(services: StoreServices, commit: PutCommit): Omit<PutResult, "satisfied"> {
  const blob = services.catalog.blob(commit.blob.id) ?? commit.blob
  const locations = commit.locations.filter((location) => location.want !== null)
  const now = locations.map((location) => {
    const current = services.catalog.location(location.backend, location.key)
    return current?.want === location.want ? current : location
  })
  const metadata = describe(services, { blob, object: commit.object }, now)
  if (metadata.key === null) throw new StoredError("INTERNAL", "A committed object has no key.")
  return { ...metadata, key: metadata.key, isNew: commit.isNew }
}
