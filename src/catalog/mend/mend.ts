/**
 * Puts right what can be derived with certainty from other rows: indexes, jobs of copies that are not proven, what blobs count, and the totals.
 * Rows that were lost themselves are nobody's to invent: an object, a blob, the journal. What points to them stays, so that the loss is not
 * forgotten. For a catalog that nobody else writes; idempotent, and it can be cut off anywhere.
 */
import type { Engine } from "../rows/engine.ts"
import type { Rows } from "../rows/rows.ts"
import { append } from "../transitions/journal.ts"
import { readTotals } from "../transitions/totals.ts"
import { mendBlobIndexes, mendBlobs } from "./mend-blobs.ts"
import { mendTotals, raiseOutboxSequence } from "./mend-counts.ts"
import { mendNames, mendWants } from "./mend-indexes.ts"
import { mendBlobJobs, mendLocationJobs, mendOutbox } from "./mend-jobs.ts"
import { mendPlaces } from "./mend-places.ts"

/** One change, to be made inside a commit. */
export type Step = (rows: Rows) => void
export type Phase = (engine: Engine, time: number) => AsyncIterable<Step>

/** Each rests on what those before it have put right. */
const PHASES: readonly Phase[] = [
  raiseOutboxSequence,
  mendNames,
  mendPlaces,
  mendWants,
  mendLocationJobs,
  mendBlobJobs,
  mendBlobs,
  mendOutbox,
  mendBlobIndexes,
  mendTotals,
]

const STEPS_AT_ONCE = 500

/**
 * How many rows were changed.
 * @param commit runs steps as one transaction
 * @throws StoredError CATALOG_CORRUPT where the totals cannot be read: without them nothing can be committed
 */
export async function mendRows(engine: Engine, time: number, commit: (steps: Step) => Promise<void>): Promise<number> {
  readTotals(engine)
  let changed = 0
  for (const phase of PHASES) {
    let batch: Step[] = []
    const flush = async (): Promise<void> => {
      const steps = batch
      batch = []
      await commit((rows) => {
        for (const step of steps) step(rows)
      })
      changed += steps.length
    }
    for await (const step of phase(engine, time)) {
      batch.push(step)
      if (batch.length >= STEPS_AT_ONCE) await flush()
    }
    if (batch.length > 0) await flush()
  }
  if (changed > 0) await commit((rows) => void append(rows, { command: "repair", time, detail: { rows: changed } }))
  return changed
}
