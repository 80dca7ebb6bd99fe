/** The totals and the counts of each queue, counted again from the rows. The journal's own end is not among them: it cannot be told from a cut. */
import type { Engine } from "../rows/engine.ts"
import { parseNumberKey, splitNamespaceKey } from "../rows/key.ts"
import { TOTALS_KEY } from "../rows/tables.ts"
import { neverScanned } from "../transitions/looks.ts"
import { editTotals, readTotals } from "../transitions/totals.ts"
import { RECOUNTED } from "../verify/check-totals.ts"
import { Tally } from "../verify/tally.ts"
import { eachRow, look, walk } from "../verify/walk.ts"
import type { Step } from "./mend.ts"

const COUNTED = [
  "objects",
  "tombstones",
  "generations",
  "backends",
  "tokens",
  "namespaces",
  "requests",
  "validations",
  "looks",
  "blobs",
  "locations",
  "outbox",
] as const

/** New rows of the outbox must not take the place of old ones. */
export async function* raiseOutboxSequence(engine: Engine): AsyncGenerator<Step> {
  let highest = 0
  for await (const [key] of eachRow(engine, "outbox")) highest = Math.max(highest, parseNumberKey(key))
  if (highest <= readTotals(engine).outboxSequence) return
  yield (rows) => {
    editTotals(rows).outboxSequence = highest
  }
}

export async function* mendTotals(engine: Engine): AsyncGenerator<Step> {
  const tally = await count(engine)
  if (!tally) return
  const totals = readTotals(engine)
  const counted = Object.fromEntries(RECOUNTED.map((name) => [name, tally.totals[name]]))
  if (RECOUNTED.some((name) => totals[name] !== counted[name]))
    yield (rows) => rows.put("totals", TOTALS_KEY, { ...totals, ...counted })
  for (const [queue, counts] of tally.queues) {
    const known = look(engine, "queues", queue)
    if (known?.due === counts.due && known.parked === counts.parked) continue
    yield (rows) => rows.put("queues", queue, counts)
  }
  for await (const [queue] of eachRow(engine, "queues")) {
    if (!tally.queues.has(queue)) yield (rows) => rows.remove("queues", queue)
  }
  yield* mendLooks(engine, tally)
  yield* mendNamespaces(engine, tally)
}

async function* mendNamespaces(engine: Engine, tally: Tally): AsyncGenerator<Step> {
  for await (const [row, known] of eachRow(engine, "namespaces")) {
    const counted = tally.namespaces.get(splitNamespaceKey(row))
    if (counted && (known.bytes !== counted.bytes || known.objects !== counted.objects))
      yield (rows) => rows.put("namespaces", row, counted)
  }
}

/** A scan that was lost begins anew; what is to be looked at stays so. */
async function* mendLooks(engine: Engine, tally: Tally): AsyncGenerator<Step> {
  for (const [backend, counted] of tally.looks) {
    if (look(engine, "scans", backend) === null)
      yield (rows) => rows.put("scans", backend, { ...neverScanned(backend), ...counted })
  }
  for await (const [backend, scan] of eachRow(engine, "scans")) {
    const counted = tally.looks.get(backend) ?? { looks: 0, lookBytes: 0 }
    if (scan.looks !== counted.looks || scan.lookBytes !== counted.lookBytes)
      yield (rows) => rows.put("scans", backend, { ...scan, ...counted })
  }
}

/** Null where a row cannot be read: then nobody knows what to count. */
async function count(engine: Engine): Promise<Tally | null> {
  for (const table of COUNTED) for await (const _ of walk(engine, table, () => [])) return null
  const tally = new Tally()
  for await (const [row, namespace] of eachRow(engine, "namespaces")) tally.namespace(splitNamespaceKey(row), namespace)
  for await (const [key, { size }] of eachRow(engine, "objects")) tally.object(key, size)
  for (const table of ["tombstones", "generations", "backends", "tokens", "requests", "validations"] as const)
    for await (const _ of eachRow(engine, table)) tally.one(table)
  for await (const [row, size] of eachRow(engine, "looks")) tally.look(row, size)
  for await (const [, blob] of eachRow(engine, "blobs")) tally.blob(blob)
  for await (const [, location] of eachRow(engine, "locations")) tally.location(location)
  for await (const [, job] of eachRow(engine, "outbox")) tally.job(job)
  return tally
}
