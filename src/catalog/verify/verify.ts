/**
 * Checks the catalog against itself: the checksum of every row, every index in both directions, every count, every job, the journal's chain.
 * Reads everything once, in pages; commits made meanwhile may show up as faults that are none.
 */
import type { CatalogFault } from "../catalog.ts"
import type { Engine } from "../rows/engine.ts"
import { checkBlobs } from "./check-blobs.ts"
import { checkJournal } from "./check-journal.ts"
import { checkLocations } from "./check-locations.ts"
import { checkObjects } from "./check-objects.ts"
import { checkOutbox } from "./check-outbox.ts"
import { checkTokens } from "./check-tokens.ts"
import { checkTotals } from "./check-totals.ts"
import { Tally, type Uncrossed } from "./tally.ts"
import { walk } from "./walk.ts"

export async function* verifyRows(engine: Engine): AsyncGenerator<CatalogFault> {
  const tally = new Tally()
  yield* walk(engine, "settings", () => [])
  yield* walk(engine, "configuration", () => [])
  yield* countOnly(engine, "backends", tally)
  yield* countOnly(engine, "generations", tally)
  yield* walk(engine, "looks", (row, size) => {
    tally.look(row, size)
    return []
  })
  yield* countOnly(engine, "requests", tally)
  yield* countOnly(engine, "validations", tally)
  yield* checkTokens(engine, tally)
  let readable = true
  for await (const found of walk(engine, "totals", () => [])) {
    readable = false
    yield found
  }
  // Nothing can be counted against totals that cannot be read.
  if (!readable) return
  yield* checkBlobs(engine, tally)
  yield* checkObjects(engine, tally)
  yield* checkLocations(engine, tally)
  yield* checkOutbox(engine, tally)
  yield* checkJournal(engine)
  yield* checkTotals(engine, tally)
}

function countOnly(engine: Engine, table: Uncrossed, tally: Tally): AsyncGenerator<CatalogFault> {
  return walk(engine, table, () => {
    tally.one(table)
    return []
  })
}
