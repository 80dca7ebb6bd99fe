/** `why`: the whole life of one object, as far as the catalog knows it. */
import type { LocationRecord, OutboxRecord } from "../catalog/record.ts"
import { NotFoundError } from "../core/error.ts"
import { describe } from "./metadata.ts"
import { locationsOf, resolve, type Target } from "./reference.ts"
import type { StoreServices } from "./services.ts"
import type { Why, WhyCopy, WhyJob, WhyOptions } from "./why-face.ts"
import { journalOf, type Subject } from "./why-journal.ts"
import { waitsOf } from "./why-waits.ts"

/** @throws StoredError NOT_FOUND, INVALID_KEY, ABORTED */
export async function why(services: StoreServices, name: string, options: WhyOptions = {}): Promise<Why> {
  const { catalog } = services
  const target = resolve(catalog, name)
  const locations = target ? locationsOf(catalog, target) : leftOf(services, name)
  const object = target && describe(services, target, locations)
  const copies = [...locations, ...goingOf(services, target, locations)].map((each) => copyOf(services, each))
  const job = target && catalog.jobOf({ id: target.blob.id })
  const checksumJob = job ? jobOf(services, job) : null
  const waits = waitsOf(services, { copies, checksumJob })
  const journal = await journalOf(catalog, subjectOf(target, name), options)
  if (!object && copies.length === 0 && journal.records.length === 0) throw unknown(name, journal.looked)
  return { name, object, copies, checksumJob, waits, journal }
}

function subjectOf(target: Target | null, name: string): Subject {
  if (!target) return { key: name, id: null }
  return { key: target.object?.key ?? null, id: target.blob.id }
}

/** Copies that were of a key that names nothing now, and are still to go. They are looked for where a copy of it lies unless a key template says otherwise. */
function leftOf({ catalog, backends }: StoreServices, key: string): LocationRecord[] {
  return backends.names().flatMap((backend) => {
    const location = catalog.location(backend, key)
    return location?.objectKey === key ? [location] : []
  })
}

/** Copies of an object that it has no more, because it was put to other backends since. */
function goingOf(services: StoreServices, target: Target | null, known: readonly LocationRecord[]): LocationRecord[] {
  const key = target?.object?.key
  if (key === undefined) return []
  return leftOf(services, key).filter(({ backend }) => !known.some((each) => each.backend === backend))
}

function copyOf(services: StoreServices, location: LocationRecord): WhyCopy {
  const { backend, key, objectKey, want, have, state, attempts, error, verified, modified } = location
  const job = services.catalog.jobOf({ backend, key })
  const isSynced = state === "synced" && want !== null && want === have
  const isRunning = services.runner.isSyncing(backend, key)
  return {
    backend,
    key,
    objectKey,
    wanted: want !== null,
    synced: isSynced,
    state: state === "pending" && isRunning ? "syncing" : state,
    verifiedAt: isSynced ? (verified?.at ?? null) : null,
    attempts,
    error,
    since: modified,
    job: job && { ...job, running: isRunning },
  }
}

function jobOf({ runner }: StoreServices, job: OutboxRecord): WhyJob {
  // Which content a line is at is not told; that it is at some is.
  return { ...job, running: job.status === "due" && runner.running(job.queue) > 0 }
}

function unknown(name: string, looked: number): NotFoundError {
  const message = `There is no object "${name}", and the last ${looked} records of the journal tell of none; look at more of it.`
  return new NotFoundError(message, { details: { reference: name } })
}
