/** What follows a commit: its event, and a nudge to whoever does its jobs. */
import { CHECKSUM_QUEUE, syncQueue } from "../../queues/job.ts"
import type { DeleteCommit, PutCommit } from "../catalog/catalog.ts"
import { reclaim } from "./reclaim.ts"
import type { StoreServices } from "./services.ts"

export function announcePut(services: StoreServices, commit: PutCommit): void {
  const { object, blob, replaced, sequence } = commit
  const data = { checksum: object.id, key: object.key, version: object.version, size: object.size, replaced }
  services.bus.publish("put", sequence, object.modified, data)
  for (const { backend } of commit.locations) services.runner.nudge(syncQueue(backend))
  if (blob.checksumState === "primary") services.runner.nudge(CHECKSUM_QUEUE)
  if (replaced !== null && replaced !== object.id) reclaim(services, replaced)
}

export function announceDelete(services: StoreServices, commit: DeleteCommit): void {
  const { object, sequence, backends } = commit
  if (!object || sequence === null) return
  services.bus.publish("delete", sequence, services.clock.now(), { checksum: object.id, key: object.key, backends })
  for (const backend of backends) services.runner.nudge(syncQueue(backend))
  reclaim(services, object.id)
}
