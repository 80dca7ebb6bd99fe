/** How far a validation has come: one of each kind at a place at a time; copies that were read for an earlier one do not count for the next. */
import { NotFoundError, StoredError } from "../../core/error.ts"
import { locationKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { ValidatedFact, ValidationFact, ValidationStep } from "../validation.ts"
import {
  STAGING_PLACE,
  type ValidationCounts,
  type ValidationKind,
  type ValidationRecord,
} from "../validation-record.ts"
import { append } from "./journal.ts"
import { count } from "./totals.ts"

const KINDS: readonly ValidationKind[] = ["asked", "rolling"]

export const NO_COUNTS: ValidationCounts = {
  copies: 0,
  bytes: 0,
  good: 0,
  corrupt: 0,
  missing: 0,
  changed: 0,
  unreadable: 0,
  passed: 0,
  kept: 0,
  healing: 0,
}

export function validationKey(place: string, kind: ValidationKind): string {
  return locationKey(place, kind)
}

export function neverValidated(place: string, kind: ValidationKind): ValidationRecord {
  return {
    ...NO_COUNTS,
    place,
    kind,
    number: 0,
    state: "idle",
    sample: 1,
    seed: "",
    prefix: "",
    rate: null,
    cursor: null,
    started: 0,
    modified: 0,
    plan: null,
    error: null,
    validAsOf: null,
  }
}

/** Those of a backend that is not known any more. */
export function forgetValidations(rows: Rows, place: string): void {
  for (const kind of KINDS) {
    const row = validationKey(place, kind)
    if (rows.get("validations", row) === null) continue
    rows.remove("validations", row)
    count(rows, { validations: -1 })
  }
}

function keep(rows: Rows, record: ValidationRecord): void {
  const row = validationKey(record.place, record.kind)
  if (rows.get("validations", row) === null) count(rows, { validations: 1 })
  rows.put("validations", row, record)
}

/** @throws NotFoundError where there is no such backend */
export function requirePlace(rows: Rows, place: string): void {
  if (place === STAGING_PLACE || rows.get("backends", place) !== null) return
  throw new NotFoundError(`There is no backend "${place}".`, { details: { backend: place } })
}

/**
 * A step that changes nothing is none. One that is paused goes on where it is started again, at the rate that is given now.
 * @throws NotFoundError where there is no such backend
 * @throws StoredError CONFLICT where there is none to pause, resume or end
 */
export function stepValidation(rows: Rows, fact: ValidationFact): ValidationRecord {
  const { place, kind, step, time } = fact
  requirePlace(rows, place)
  const known = rows.get("validations", validationKey(place, kind)) ?? neverValidated(place, kind)
  const state = next(known, step)
  if (state === null) {
    throw new StoredError("CONFLICT", `The validation is ${known.state}: there is nothing to ${step}.`, {
      details: { place, state: known.state },
    })
  }
  if (state === known.state) return { ...known }
  const begun = step === "start" && known.state !== "paused" ? begin(known, fact) : known
  const record = { ...begun, state, modified: time, error: step === "fail" ? (fact.error ?? null) : null }
  keep(rows, record)
  tell(rows, fact, record, step)
  return { ...record }
}

/** An open one is still under way, or only paused. */
export function isOpen({ state }: ValidationRecord): boolean {
  return state === "running" || state === "paused"
}

function next(known: ValidationRecord, step: ValidationStep): ValidationRecord["state"] | null {
  if (step === "start") return "running"
  if (!isOpen(known)) return null
  return ({ pause: "paused", resume: "running", cancel: "cancelled", fail: "failed" } as const)[step]
}

function begin({ place, kind, number, validAsOf }: ValidationRecord, { begin: given, time }: ValidationFact) {
  return { ...neverValidated(place, kind), ...given, number: number + 1, validAsOf, started: time }
}

/** Takes in how far it has come. One that is not under way any more stays as it is. */
export function advanceValidation(rows: Rows, fact: ValidatedFact, counts: ValidationCounts): ValidationRecord {
  const { place, kind, number, cursor, isLast = false, plan, time } = fact
  const known = rows.get("validations", validationKey(place, kind)) ?? neverValidated(place, kind)
  if (number !== known.number || !isOpen(known)) return { ...known }
  const record: ValidationRecord = { ...known, modified: time }
  for (const name of Object.keys(NO_COUNTS) as (keyof ValidationCounts)[]) record[name] += counts[name]
  if (plan) record.plan = plan
  if (cursor !== undefined) record.cursor = cursor
  if (isLast) {
    record.state = "done"
    record.cursor = null
    if (record.sample === 1 && record.prefix === "" && record.pattern === undefined) record.validAsOf = record.started
  }
  keep(rows, record)
  if (isLast) tell(rows, fact, record, "done")
  return { ...record }
}

function tell(
  rows: Rows,
  fact: ValidationFact | ValidatedFact,
  { place, kind, number, corrupt, missing }: ValidationRecord,
  step: ValidationStep | "done",
): void {
  const detail = { step, number, kind, ...(step === "done" && { corrupt, missing }) }
  const backend = place === STAGING_PLACE ? {} : { backend: place }
  append(rows, { command: "validate", time: fact.time, ...backend, ...("step" in fact && { actor: fact }), detail })
}
