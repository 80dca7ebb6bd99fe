/** A read has shown that a copy is not what it should be. */
import { syncQueue } from "../../queues/job.ts"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { ConsistencyError, StoredError } from "../core/error.ts"
import { keepBadAt } from "./keep-bad.ts"
import type { StoreServices } from "./services.ts"

/**
 * The error to throw for a copy that is not what it should be. Its bytes are kept (I8), and it is put back to work, unless it has been overwritten since the read began: then
 * the copy is right and the read was late.
 */
export async function drifted(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  found: "missing" | "corrupt" | "unreadable",
): Promise<StoredError> {
  const { backend, key } = location
  const isOvertaken = (): boolean => {
    const current = services.catalog.location(backend, key)
    return current?.generation !== location.generation || current.want !== blob.id
  }
  if (isOvertaken()) return overtaken(backend)
  const kept = found === "corrupt" ? await keepBadAt(services, location, services.lifecycle.signal) : undefined
  // That takes a while; who was at it for others too has told of it.
  if (kept !== undefined && isOvertaken()) return overtaken(backend)
  const state = found === "missing" ? "missing" : "corrupt"
  const repair = kept !== null
  const { generation } = location
  const told = { backend, key, state, repair, generation, ...(kept !== undefined && { kept }) } as const
  await services.catalog.commitDrift({ ...told, time: services.clock.now() })
  if (location.found) {
    services.scans.nudge(backend)
    const state = services.catalog.location(backend, key)?.state
    const what = state === "changed" ? "was changed there and is being looked at; ask again" : "is gone from there"
    return new StoredError("COPY_UNAVAILABLE", `"${key}" on backend "${backend}" ${what}.`, {
      retryable: state === "changed",
    })
  }
  if (repair) services.runner.nudge(syncQueue(backend))
  const what = { missing: "is missing", corrupt: `does not hash to ${blob.id}`, unreadable: "cannot be read" }[found]
  const message = `The copy on backend "${backend}" ${what}; ${repair ? "it is being repaired" : "its bytes could not be kept, so that it stays until they can be, or until it is healed"}.`
  return state === "missing" ? new StoredError("COPY_UNAVAILABLE", message) : new ConsistencyError("CORRUPT", message)
}

function overtaken(backend: string): StoredError {
  const message = `The copy on backend "${backend}" was overwritten while it was read; ask again.`
  return new StoredError("COPY_UNAVAILABLE", message, { retryable: true })
}
