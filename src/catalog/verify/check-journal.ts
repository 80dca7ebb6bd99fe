/** The journal: gap-free from 1, each record chained to the one before, as far as the totals say (I11). */
import type { CatalogFault } from "../catalog.ts"
import { chainOf } from "../encoding/journal-codec.ts"
import type { Engine } from "../rows/engine.ts"
import { readTotals } from "../transitions/totals.ts"
import { fault, walk } from "./walk.ts"

export async function* checkJournal(engine: Engine): AsyncGenerator<CatalogFault> {
  let last = 0
  let chain = ""
  yield* walk(engine, "journal", function* (_, record) {
    const subject = `journal ${record.sequence}`
    if (record.sequence !== last + 1)
      yield fault("I11", subject, `It follows ${last}; the records between are missing.`)
    else if (chainOf(chain, record) !== record.chain)
      yield fault("I11", subject, "Its chain does not follow from the record before.")
    last = record.sequence
    chain = record.chain
  })
  const totals = readTotals(engine)
  if (totals.journal !== last || totals.chain !== chain) {
    yield fault("I11", `journal ${last}`, `The journal ends here, but ${totals.journal} records were committed.`)
  }
}
