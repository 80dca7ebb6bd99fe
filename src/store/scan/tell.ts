/** Commits what was seen, and tells of it: events of single objects, work for the runner. */
import { syncQueue } from "../../../queues/job.ts"
import type { FoundFact, SightingsCommit, SightingsFact } from "../../catalog/sightings.ts"
import type { BlobId } from "../../core/blob-id.ts"
import type { DriftState } from "../../core/event.ts"
import type { StoreServices } from "../services.ts"
import { keepReplaced } from "./keep-replaced.ts"

export async function commitSightings(
  services: StoreServices,
  fact: Omit<SightingsFact, "time">,
): Promise<SightingsCommit> {
  const sightings = await keepReplaced(services, fact)
  const commit = await services.catalog.commitSightings({ ...fact, sightings, time: services.clock.now() })
  for (const each of commit.facts) publish(services, fact.backend, each)
  if (commit.added > 0)
    services.bus.publish("found", commit.sequence, services.clock.now(), { backend: fact.backend, added: commit.added })
  for (const name of commit.nudge) services.runner.nudge(syncQueue(name))
  return commit
}

function publish(
  { bus, clock }: StoreServices,
  backend: string,
  { command, sequence, key, id, detail }: FoundFact,
): void {
  const time = clock.now()
  if (command === "delete")
    bus.publish("delete", sequence, time, {
      checksum: id!,
      key,
      backends: detail.backends as string[],
      ignored: true,
    })
  else if (command === "changed")
    bus.publish("change", sequence, time, {
      checksum: id!,
      key,
      backend,
      version: Number(detail.version),
      replaced: detail.replaced as BlobId,
    })
  else if (command === "moved")
    bus.publish("move", sequence, time, { checksum: id!, key, backend, from: String(detail.from) })
  else bus.publish("drift", sequence, time, { checksum: id!, key, backend, state: detail.state as DriftState })
}
