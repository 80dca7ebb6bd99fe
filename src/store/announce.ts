/** What follows a commit: its event, and a nudge to whoever does its jobs. */
import { CHECKSUM_QUEUE, syncQueue } from "../../queues/job.ts"
import { locationSubject } from "../../queues/subject.ts"
import type { DeleteCommit, PutCommit } from "../catalog/catalog.ts"
import { reclaim } from "./reclaim.ts"
import type { StoreServices } from "./services.ts"

export function announcePut(services: StoreServices, commit: PutCommit): void {
  const { object, blob, replaced, sequence } = commit
  const data = { checksum: object.id, key: object.key, version: object.version, size: object.size, replaced }
  services.bus.publish("put", sequence, object.modified, data)
  const { runner, tracer } = services
  for (const { backend, key } of commit.locations) {
    tracer?.causes.note(locationSubject(backend, key))
    runner.nudge(syncQueue(backend))
  }
  if (blob.checksumState === "primary") {
    tracer?.causes.note(object.id)
    runner.nudge(CHECKSUM_QUEUE)
  }
  if (replaced !== null && replaced !== object.id) reclaim(services, replaced)
}

export function announceDelete(services: StoreServices, commit: DeleteCommit): void {
  const { object, sequence, backends } = commit
  if (!object || sequence === null) return
  services.bus.publish("delete", sequence, services.clock.now(), { checksum: object.id, key: object.key, backends })
  for (const backend of backends) {
    // A copy that lies under another name than its object begins a trace of its own.
    services.tracer?.causes.note(locationSubject(backend, object.key))
    services.runner.nudge(syncQueue(backend))
  }
  reclaim(services, object.id)
}
