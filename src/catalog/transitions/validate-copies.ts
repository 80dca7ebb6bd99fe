/**
 * What was read of copies that were proven. A verdict holds for the generation that was read, and only while that is proven: whatever has moved on since is the
 * business of those who moved it.
 *
 * A found file of an observed backend that has gone bad is left to people, as everything there is (decision 0015); any other bad copy is put right from another
 * one, but only once its bytes are kept (I8).
 */
import { unkept } from "../../core/unkept.ts"
import { locationKey, numberKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { LocationRow } from "../rows/tables.ts"
import type { FoundFact } from "../sightings.ts"
import type { CopyVerdict, ValidatedCommit, ValidatedCopy, ValidatedFact } from "../validation.ts"
import type { ValidationCounts } from "../validation-record.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { drift } from "./drift.ts"
import { differ } from "./found/drifted.ts"
import { follows, foundCommit, modeOf } from "./found/found-commit.ts"
import { append } from "./journal.ts"
import { isProven } from "./location.ts"
import { lookAt } from "./looks.ts"
import { readJob } from "./outbox.ts"
import { readTotals } from "./totals.ts"
import { advanceValidation, NO_COUNTS, requirePlace } from "./validate.ts"

/** @throws NotFoundError where there is no such backend */
export function takeValidated(rows: Rows, fact: ValidatedFact): ValidatedCommit {
  requirePlace(rows, fact.place)
  const before = readTotals(rows).journal
  const counts = { ...NO_COUNTS, ...fact.counts }
  for (const copy of fact.copies ?? []) take(rows, fact, copy, counts)
  const facts = factsSince(rows, before)
  const { changed, missing, healing } = counts
  const record = advanceValidation(rows, fact, counts)
  const sequence = readTotals(rows).journal
  return { record, facts, nudge: healing > 0, looks: changed + missing > 0, sequence }
}

function take(rows: Rows, fact: ValidatedFact, copy: ValidatedCopy, counts: ValidationCounts): void {
  const { place, time } = fact
  const location = rows.get("locations", locationKey(place, copy.key))
  const isCurrent = location !== null && location.generation === copy.generation && isProven(location)
  counts.copies += 1
  counts.bytes += copy.bytes
  const { verdict } = copy
  if (!isCurrent) {
    counts.passed += 1
    return
  }
  counts[verdict.type] += 1
  if (verdict.type === "good") renew(rows, location, verdict, time)
  else if (verdict.type === "changed") lookAt(rows, place, copy.key, verdict.size)
  else if (verdict.type === "missing") lose(rows, location, time)
  else if (verdict.type === "corrupt") rot(rows, location, verdict, time)
  if (verdict.type === "corrupt" && verdict.kept !== null) counts.kept += 1
  if (isHealing(rows, location)) counts.healing += 1
}

/** Nothing follows from it: it was proven before. */
function renew(
  rows: Rows,
  location: LocationRow,
  { by, seen }: Extract<CopyVerdict, { type: "good" }>,
  time: number,
): void {
  const { backend, key } = location
  rows.put("locations", locationKey(backend, key), { ...location, verified: { at: time, by }, seen })
}

function lose(rows: Rows, location: LocationRow, time: number): void {
  const { backend, key } = location
  drift(rows, { backend, key, state: "missing", repair: canFeed(rows, location), time })
}

function rot(
  rows: Rows,
  location: LocationRow,
  verdict: Extract<CopyVerdict, { type: "corrupt" }>,
  time: number,
): void {
  const { backend, key, objectKey, want } = location
  const { kept, seen, mend } = verdict
  if (follows({ mode: modeOf(rows, backend) }, location)) leave(rows, location, seen, time)
  else {
    const repair = mend && canFeed(rows, location)
    const error = mend ? undefined : unkept(backend, key)
    drift(rows, { backend, key, state: "corrupt", repair, ...(error && { error }), time })
  }
  append(rows, { command: "quarantine", time, key: objectKey, id: want, backend, detail: { copy: key, kept } })
}

/** Found, and to be decided on by people. */
function leave(rows: Rows, location: LocationRow, seen: NonNullable<LocationRow["seen"]>, time: number): void {
  const commit = foundCommit({ rows, drafts: new BlobDrafts(rows), time }, location.backend)
  differ(commit, location, { ...seen, id: null, checksums: {}, mimeType: "" })
  commit.drafts.settle(time)
}

function canFeed(rows: Rows, { want }: LocationRow): boolean {
  const blob = rows.get("blobs", want!)
  // The copy itself is one of those that are proven.
  return blob !== null && (blob.staged || blob.synced > 1)
}

function isHealing(rows: Rows, { backend, key }: LocationRow): boolean {
  const after = rows.get("locations", locationKey(backend, key))
  return after !== null && !isProven(after) && after.job !== null && readJob(rows, after.job).status === "due"
}

/** What became of single objects, as it was journalled. */
function factsSince(rows: Rows, sequence: number): FoundFact[] {
  return Array.from(rows.range("journal", { after: numberKey(sequence) }), ([, record]) => record).flatMap((record) => {
    const { command, key, id, detail } = record
    if (command !== "drift" && command !== "moved") return []
    return [{ command, sequence: record.sequence, key: key ?? "", id, detail }]
  })
}
