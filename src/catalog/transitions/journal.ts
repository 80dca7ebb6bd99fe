/** Appends to the journal: one record for each committed fact, gap-free and chained (I11). */
import type { BlobId } from "../../core/blob-id.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Actor } from "../catalog.ts"
import { chainOf } from "../encoding/journal-codec.ts"
import type { JournalCommand } from "../record.ts"
import { numberKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { editTotals } from "./totals.ts"

export interface Fact {
  command: JournalCommand
  /** UTC ms */
  time: number
  key?: string
  id?: BlobId | null
  backend?: string
  actor?: Actor
  detail: JsonObject
}

/** Returns the sequence of the record. */
export function append(rows: Rows, fact: Fact): number {
  const totals = editTotals(rows)
  const record = {
    sequence: totals.journal + 1,
    time: fact.time,
    command: fact.command,
    key: fact.key ?? null,
    id: fact.id ?? null,
    backend: fact.backend ?? null,
    principal: fact.actor?.principal ?? null,
    requestId: fact.actor?.requestId ?? null,
    idempotencyKey: fact.actor?.idempotencyKey ?? null,
    detail: fact.detail,
  }
  const chain = chainOf(totals.chain, record)
  rows.put("journal", numberKey(record.sequence), { ...record, chain })
  totals.journal = record.sequence
  totals.chain = chain
  return record.sequence
}
