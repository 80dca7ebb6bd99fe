/** The counts against what was counted again, so that a table that was cut short is noticed. */
import type { CatalogFault } from "../catalog.ts"
import type { Engine } from "../rows/engine.ts"
import type { TotalsRow } from "../rows/tables.ts"
import { readTotals } from "../transitions/totals.ts"
import { checkNamespaces } from "./check-tokens.ts"
import type { Tally } from "./tally.ts"
import { fault, look, walk } from "./walk.ts"

export const RECOUNTED = [
  "objects",
  "blobs",
  "locations",
  "outbox",
  "parked",
  "bytes",
  "stagedEntries",
  "stagedBytes",
  "pinnedEntries",
  "pinnedBytes",
  "wanted",
  "tombstones",
  "generations",
  "backends",
  "looks",
  "tokens",
  "namespaces",
  "requests",
  "validations",
] as const satisfies (keyof TotalsRow)[]

export async function* checkTotals(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  const totals = readTotals(engine)
  for (const name of RECOUNTED) {
    if (totals[name] === tally.totals[name]) continue
    yield fault("I12", name, `There are ${tally.totals[name]}, but ${totals[name]} were committed.`)
  }
  yield* walk(engine, "queues", function* (queue, counts) {
    const counted = tally.queues.get(queue) ?? { due: 0, parked: 0 }
    if (counted.due === counts.due && counted.parked === counts.parked) return
    yield fault(
      "I12",
      queue,
      `It has ${counted.due} due and ${counted.parked} parked rows, not ${counts.due} and ${counts.parked}.`,
    )
  })
  for (const queue of tally.queues.keys()) {
    if (look(engine, "queues", queue) === null)
      yield fault("I12", queue, "It has rows in the outbox, but is not counted.")
  }
  yield* checkLooks(engine, tally)
  yield* checkNamespaces(engine, tally)
}

async function* checkLooks(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "scans", function* (backend, scan) {
    const { looks, lookBytes } = tally.looks.get(backend) ?? { looks: 0, lookBytes: 0 }
    if (scan.looks === looks && scan.lookBytes === lookBytes) return
    const said = `${scan.looks} with ${scan.lookBytes} bytes`
    yield fault("I12", backend, `${looks} places are to be looked at there, with ${lookBytes} bytes, not ${said}.`)
  })
  for (const backend of tally.looks.keys()) {
    if (look(engine, "scans", backend) === null)
      yield fault("I12", backend, "Places are to be looked at there, but are not counted.")
  }
}
