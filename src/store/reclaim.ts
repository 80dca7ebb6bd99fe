/** Takes staged bytes away that no object names and no copy wants any more. The catalog decides, inside its transaction. */
import type { BlobId } from "../core/blob-id.ts"
import { toStoredError } from "../core/error.ts"
import type { StoreServices } from "./services.ts"

/** Begins it and does not wait: whoever deleted has their answer. What is missed is found by maintenance. */
export function reclaim(services: StoreServices, id: BlobId): void {
  if (!isUnnamed(services, id)) return
  services.staging.discard(id).catch((error: unknown) => {
    services.log.warn(
      { error: toStoredError(error), id },
      "staged bytes of a deleted blob could not be removed; they will be tried again",
    )
  })
}

export function isUnnamed(services: Pick<StoreServices, "catalog">, id: BlobId): boolean {
  const blob = services.catalog.blob(id)
  return blob !== null && blob.references === 0 && blob.wanted === 0
}
