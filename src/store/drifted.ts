/** A read has shown that a copy is not what it should be. */
import { syncQueue } from "../../queues/job.ts"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { ConsistencyError, StoredError } from "../core/error.ts"
import type { StoreServices } from "./services.ts"

/**
 * The error to throw for a copy that is not what it should be. It is put back to work, unless it has been overwritten since the read began: then
 * the copy is right and the read was late.
 */
export async function drifted(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  found: "missing" | "corrupt" | "unreadable",
): Promise<StoredError> {
  const { backend, key } = location
  const current = services.catalog.location(backend, key)
  if (current?.generation !== location.generation || current.want !== blob.id) {
    const message = `The copy on backend "${backend}" was overwritten while it was read; ask again.`
    return new StoredError("COPY_UNAVAILABLE", message, { retryable: true })
  }
  const state = found === "missing" ? "missing" : "corrupt"
  await services.catalog.commitDrift({ backend, key, state, repair: true, time: services.clock.now() })
  if (location.found) {
    services.scans.nudge(backend)
    const state = services.catalog.location(backend, key)?.state
    const what = state === "changed" ? "was changed there and is being looked at; ask again" : "is gone from there"
    return new StoredError("COPY_UNAVAILABLE", `"${key}" on backend "${backend}" ${what}.`, {
      retryable: state === "changed",
    })
  }
  services.runner.nudge(syncQueue(backend))
  const what = { missing: "is missing", corrupt: `does not hash to ${blob.id}`, unreadable: "cannot be read" }[found]
  const message = `The copy on backend "${backend}" ${what}; it is being repaired.`
  return state === "missing" ? new StoredError("COPY_UNAVAILABLE", message) : new ConsistencyError("CORRUPT", message)
}
