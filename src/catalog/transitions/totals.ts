/** The counts, kept in the same transaction as the rows they count. */
import type { Rows } from "../rows/rows.ts"
import { TOTALS_KEY, type TotalsRow } from "../rows/tables.ts"

export const NO_TOTALS: TotalsRow = {
  objects: 0,
  blobs: 0,
  locations: 0,
  outbox: 0,
  parked: 0,
  journal: 0,
  bytes: 0,
  stagedEntries: 0,
  stagedBytes: 0,
  pinnedEntries: 0,
  pinnedBytes: 0,
  syncsCompleted: 0,
  syncsFailed: 0,
  wanted: 0,
  tombstones: 0,
  generations: 0,
  backends: 0,
  tokens: 0,
  namespaces: 0,
  requests: 0,
  validations: 0,
  looks: 0,
  outboxSequence: 0,
  chain: "",
}

export type Count = Exclude<keyof TotalsRow, "chain">

export function readTotals(rows: Pick<Rows, "get">): TotalsRow {
  return rows.get("totals", TOTALS_KEY) ?? NO_TOTALS
}

/** The totals, for this commit to change. */
export function editTotals(rows: Rows): TotalsRow {
  return rows.edit("totals", TOTALS_KEY, NO_TOTALS)
}

/** Adds to counts. */
export function count(rows: Rows, added: Partial<Record<Count, number>>): TotalsRow {
  const totals = editTotals(rows)
  for (const name in added) totals[name as Count] += added[name as Count] ?? 0
  return totals
}
