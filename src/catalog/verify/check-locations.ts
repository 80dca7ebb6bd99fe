/** Locations: what is wanted and not proven has its job (I3), and what they want knows of them. */
import type { CatalogFault } from "../catalog.ts"
import type { OutboxRecord } from "../record.ts"
import type { Engine } from "../rows/engine.ts"
import { locationKey, numberKey, splitBlobRowKey, splitLocationKey, wantingKey } from "../rows/key.ts"
import type { LocationRow } from "../rows/tables.ts"
import { isProven } from "../transitions/location.ts"
import type { Tally } from "./tally.ts"
import { fault, look, walk } from "./walk.ts"

export async function* checkLocations(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "locations", function* (row, location) {
    tally.location(location)
    yield* checkWant(engine, row, location)
    yield* checkJob(engine, row, location)
  })
  yield* walk(engine, "locationsByBlob", function* (row) {
    const { id, rest } = splitBlobRowKey(row)
    const { backend, key } = splitLocationKey(rest)
    const location = look(engine, "locations", locationKey(backend, key))
    if (location === undefined) return
    if (location?.want !== id) yield fault("I12", rest, `It is listed as wanting ${id}, but does not.`)
  })
}

function* checkWant(engine: Engine, row: string, location: LocationRow): Iterable<CatalogFault> {
  const { want, backend, key, generation } = location
  if (want !== null && look(engine, "blobs", want) === null)
    yield fault("I12", row, `It wants ${want}, which has no row.`)
  if (want !== null && look(engine, "locationsByBlob", wantingKey(want, backend, key)) === null) {
    yield fault("I12", row, `It is not found among the locations of ${want}.`)
  }
  const forgotten = look(engine, "generations", backend) ?? 0
  if (generation < 1)
    yield fault("I6", row, `It has the generation ${generation}; ${forgotten} is the last one forgotten.`)
}

function* checkJob(engine: Engine, row: string, location: LocationRow): Iterable<CatalogFault> {
  const proven = isProven(location)
  if (location.job === null && location.state === "changed") {
    if (look(engine, "looks", row) === null)
      yield fault("I3", row, "Somebody has changed it, and nobody is to look at it.")
    return
  }
  if (location.job === null) {
    if (!proven) yield fault("I3", row, "It is not as it should be, and no job will make it so.")
    return
  }
  if (proven) yield fault("I5", row, "It is proven, but still has a job.")
  const job = look(engine, "outbox", numberKey(location.job))
  if (job === undefined) return
  if (!job || !isJobOf(location, job))
    yield fault("I3", row, `Its job ${location.job} is not in the outbox, or is another one.`)
  if (job && !isConsistent(location, job))
    yield fault("I5", row, `It is ${location.state}, but its job is ${job.status}.`)
}

/** Whether a row of the outbox makes this location true, in its present generation. */
export function isJobOf({ backend, key, generation }: LocationRow, { payload }: OutboxRecord): boolean {
  if (payload.kind !== "sync") return false
  return payload.backend === backend && payload.key === key && payload.generation === generation
}

/** What failed is given up; what is given up failed, or is missing or bad with nothing to mend it from. */
export function isConsistent({ state }: LocationRow, { status }: OutboxRecord): boolean {
  if (state === "failed") return status === "parked"
  return status === "due" || state === "missing" || state === "corrupt"
}
