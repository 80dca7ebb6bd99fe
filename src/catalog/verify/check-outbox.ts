/** The outbox: each row belongs to a location or blob that knows it, and is found by its due time or among the parked ones (I5). */
import type { CatalogFault } from "../catalog.ts"
import type { OutboxRecord } from "../record.ts"
import type { Engine } from "../rows/engine.ts"
import { dueKey, locationKey, numberKey, parseNumberKey, splitDueKey } from "../rows/key.ts"
import { queueOf } from "../transitions/outbox.ts"
import type { Tally } from "./tally.ts"
import { fault, look, walk } from "./walk.ts"

export async function* checkOutbox(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "outbox", function* (key, row) {
    tally.job(row)
    const subject = `outbox ${row.sequence}`
    if (row.queue !== queueOf(row.payload))
      yield fault("I5", subject, `It stands in the queue ${row.queue}, where nobody runs its kind.`)
    if (!isKnown(engine, row)) yield fault("I5", subject, "The location or blob that it is for does not know it.")
    const indexed =
      row.status === "due"
        ? look(engine, "outboxDue", dueKey(row.queue, row.dueAt, row.sequence)) !== null
        : look(engine, "parked", key) !== null
    if (!indexed) yield fault("I5", subject, `It is ${row.status}, but not listed so: nobody would find it.`)
  })
  yield* walk(engine, "outboxDue", function* (key) {
    const { sequence } = splitDueKey(key)
    const row = look(engine, "outbox", numberKey(sequence))
    if (row === undefined) return
    if (row?.status !== "due" || dueKey(row.queue, row.dueAt, sequence) !== key) {
      yield fault("I5", `outbox ${sequence}`, "It is listed as due at a time when it is not.")
    }
  })
  yield* walk(engine, "parked", function* (key, { queue, parkedAt }) {
    const row = look(engine, "outbox", key)
    if (row === undefined) return
    if (row?.status !== "parked" || row.queue !== queue || row.modified !== parkedAt) {
      yield fault("I5", `outbox ${parseNumberKey(key)}`, "It is listed as parked, but is not, or not so.")
    }
  })
}

/** Whether the location or blob that a job is for knows of it; so too where that cannot be read. */
export function isKnown(engine: Engine, { payload, sequence }: OutboxRecord): boolean {
  if (payload.kind === "checksum") {
    const blob = look(engine, "blobs", payload.id)
    return blob === undefined || blob?.checksumJob === sequence
  }
  const location = look(engine, "locations", locationKey(payload.backend, payload.key))
  return location === undefined || location?.job === sequence
}
