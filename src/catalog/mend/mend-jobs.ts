/** Jobs: a copy that is not as it should be has one, one that is proven has none, and each row of the outbox is somebody's and can be found. */
import type { OutboxRecord } from "../record.ts"
import type { Engine } from "../rows/engine.ts"
import { dueKey, numberKey, splitDueKey } from "../rows/key.ts"
import type { BlobRow, LocationRow } from "../rows/tables.ts"
import { BlobDrafts } from "../transitions/blob-drafts.ts"
import { drive, isProven } from "../transitions/location.ts"
import { lookAt } from "../transitions/looks.ts"
import { schedule } from "../transitions/outbox.ts"
import { isConsistent, isJobOf } from "../verify/check-locations.ts"
import { isKnown } from "../verify/check-outbox.ts"
import { eachRow, look } from "../verify/walk.ts"
import type { Step } from "./mend.ts"

export async function* mendLocationJobs(engine: Engine, time: number): AsyncGenerator<Step> {
  for await (const [row, location] of eachRow(engine, "locations")) {
    const job = jobOf(engine, location.job)
    if (job === undefined) continue
    const own = job && isJobOf(location, job) ? job : null
    if (location.state === "changed" && location.job === null) {
      if (look(engine, "looks", row) === null)
        yield (rows) => lookAt(rows, location.backend, location.key, location.seen?.size ?? 0)
    } else if (isProven(location)) {
      if (location.job !== null) yield (rows) => rows.put("locations", row, { ...location, job: null })
    } else if (!own || !isConsistent(location, own)) yield redrive(row, { ...location, job: own && location.job }, time)
  }
}

function redrive(row: string, location: LocationRow, time: number): Step {
  const state = location.want === null ? "deleting" : "pending"
  return (rows) => rows.put("locations", row, drive({ rows, drafts: new BlobDrafts(rows), time }, location, state))
}

export async function* mendBlobJobs(engine: Engine, time: number): AsyncGenerator<Step> {
  for await (const [id, blob] of eachRow(engine, "blobs")) {
    const job = jobOf(engine, blob.checksumJob)
    if (job === undefined) continue
    const isOwn = job?.payload.kind === "checksum" && job.payload.id === id
    if (!isOwn && (blob.checksumJob !== null || blob.checksumState === "primary")) yield reschedule(blob, time)
  }
}

function reschedule(blob: BlobRow, time: number): Step {
  return (rows) => {
    const checksumJob = schedule(rows, { payload: { kind: "checksum", id: blob.id }, time, sequence: null })
    rows.put("blobs", blob.id, { ...blob, checksumJob, checksumState: "primary" })
  }
}

export async function* mendOutbox(engine: Engine): AsyncGenerator<Step> {
  for await (const [key, job] of eachRow(engine, "outbox")) {
    if (!isKnown(engine, job)) yield (rows) => rows.remove("outbox", key)
    else yield* mendListing(engine, key, job)
  }
  for await (const [key] of eachRow(engine, "outboxDue")) {
    const { sequence } = splitDueKey(key)
    const job = look(engine, "outbox", numberKey(sequence))
    if (
      job === undefined ||
      (job?.status === "due" && dueKey(job.queue, job.dueAt, sequence) === key && isKnown(engine, job))
    )
      continue
    yield (rows) => rows.remove("outboxDue", key)
  }
  for await (const [key] of eachRow(engine, "parked")) {
    const job = look(engine, "outbox", key)
    if (job === undefined || (job?.status === "parked" && isKnown(engine, job))) continue
    yield (rows) => rows.remove("parked", key)
  }
}

function* mendListing(engine: Engine, key: string, job: OutboxRecord): Iterable<Step> {
  if (job.status === "due") {
    const row = dueKey(job.queue, job.dueAt, job.sequence)
    if (look(engine, "outboxDue", row) === null) yield (rows) => rows.put("outboxDue", row, true)
    return
  }
  const listed = look(engine, "parked", key)
  if (listed === undefined || (listed?.queue === job.queue && listed.parkedAt === job.modified)) return
  yield (rows) => rows.put("parked", key, { queue: job.queue, parkedAt: job.modified })
}

/** The outbox row of a sequence: null where there is none, undefined where it cannot be read. */
function jobOf(engine: Engine, sequence: number | null): OutboxRecord | null | undefined {
  return sequence === null ? null : look(engine, "outbox", numberKey(sequence))
}
