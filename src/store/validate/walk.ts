/**
 * One walk over the copies of a place, in the order of their keys, from where it was: groups of them are read, a few ahead, and committed one after the other together
 * with the cursor. So it goes on behind the last group whatever happens, and at most what was read ahead is read twice.
 */
import { setImmediate as turn } from "node:timers/promises"
import type { ValidationPlan, ValidationRecord } from "../../catalog/validation-record.ts"
import { throwIfAborted } from "../../core/error.ts"
import { compilePattern, runPattern } from "../../core/pattern.ts"
import { Budget } from "../scan/budget.ts"
import { giveWay } from "../scan/give-way.ts"
import { paceOf } from "./pace.ts"
import type { Copy, ValidatedPlace } from "./place.ts"
import { isChosen } from "./sample.ts"
import { tellFacts } from "./tell.ts"

/** What is read and committed together. */
const COPIES = 64
const BYTES = 16 * 2 ** 20
/** rows that are passed over at most until the cursor is committed */
const ROWS = 5_000
/** rows that are read from the catalog in one go */
const PAGE = 500
const AHEAD = 2

interface Group {
  copies: Copy[]
  cursor: string | undefined
  isLast: boolean
}

/**
 * Walks to the end, or until the validation is not running any more. @param onCommit told whenever a group was committed
 * @throws StoredError of the place; ABORTED
 */
export async function walk(
  place: ValidatedPlace,
  record: ValidationRecord,
  signal: AbortSignal,
  onCommit: (record: ValidationRecord) => void,
): Promise<void> {
  const plan = record.plan ?? (await keepPlan(place, record, signal))
  const budget = budgetOf(place, record, plan)
  const prepared: ReturnType<typeof prepare>[] = []
  const commit = async (): Promise<boolean> => {
    const after = await (await prepared.shift()!)()
    onCommit(after)
    return after.state === "running"
  }
  try {
    for await (const group of groups(place, record, signal)) {
      await giveWay(place.services, signal)
      place.requireWorkedOn()
      const preparing = prepare(place, record, group, budget, signal)
      // Its failure is met when it is its turn.
      preparing.catch(() => {})
      prepared.push(preparing)
      if (prepared.length >= AHEAD && !(await commit())) return
    }
    while (prepared.length > 0) if (!(await commit())) return
  } finally {
    await Promise.allSettled(prepared)
  }
}

function budgetOf({ rules, services }: ValidatedPlace, record: ValidationRecord, plan: ValidationPlan): Budget {
  const isRolling = record.kind === "rolling"
  const rate = record.rate ?? (isRolling ? paceOf(rules, plan.chosenBytes) : null)
  return new Budget({ rate, between: isRolling ? rules.between : null }, services.clock, services.timer)
}

/** Counts what there is, so that people see how far it is, and so that the pace can be told. */
async function keepPlan(place: ValidatedPlace, record: ValidationRecord, signal: AbortSignal): Promise<ValidationPlan> {
  const plan = { copies: 0, bytes: 0, chosen: 0, chosenBytes: 0 }
  for await (const { key, copy } of rows(place, { ...record, cursor: null }, signal)) {
    if (!copy) continue
    plan.copies += 1
    plan.bytes += copy.size
    if (!isChosen(key, record)) continue
    plan.chosen += 1
    plan.chosenBytes += copy.size
  }
  const { services, place: name } = place
  const { kind, number } = record
  await services.catalog.validations.take({ place: name, kind, number, plan, time: services.clock.now() })
  return plan
}

/** Page by page, with a pause for others between two of them. */
async function* rows(
  { copies }: ValidatedPlace,
  { cursor, prefix, pattern }: ValidationRecord,
  signal: AbortSignal,
): AsyncGenerator<{ key: string; copy: Copy | null }> {
  const compiled = pattern === undefined ? null : compilePattern(pattern)
  let after = cursor ?? undefined
  for (;;) {
    throwIfAborted(signal)
    const page = copies.page({ prefix, limit: PAGE, ...(after !== undefined && { after }) })
    for (const { key, copy } of page) yield { key, copy: compiled && !runPattern(compiled, key).matched ? null : copy }
    if (page.length < PAGE) return
    after = page.at(-1)!.key
    await turn()
  }
}

async function* groups(place: ValidatedPlace, record: ValidationRecord, signal: AbortSignal): AsyncGenerator<Group> {
  let group: Group = { copies: [], cursor: undefined, isLast: false }
  let passed = 0
  let bytes = 0
  for await (const { key, copy } of rows(place, record, signal)) {
    const isFull = group.copies.length >= COPIES || bytes + (copy?.size ?? 0) > BYTES
    if ((group.copies.length > 0 && isFull) || passed >= ROWS) {
      yield group
      group = { copies: [], cursor: undefined, isLast: false }
      passed = bytes = 0
    }
    passed += 1
    group.cursor = key
    if (!copy || !isChosen(key, record)) continue
    group.copies.push(copy)
    bytes += copy.size
  }
  yield { ...group, isLast: true }
}

/** Reads a group; what it gives back commits it, in its turn. */
async function prepare(
  place: ValidatedPlace,
  { kind, number }: ValidationRecord,
  { copies, cursor, isLast }: Group,
  budget: Budget,
  signal: AbortSignal,
): Promise<() => Promise<ValidationRecord>> {
  const read = copies.length > 0 ? await place.copies.read(copies, { budget, signal }) : {}
  const { services, place: name } = place
  return async () => {
    throwIfAborted(signal)
    const time = services.clock.now()
    const told = { place: name, kind, number, isLast, ...(cursor !== undefined && { cursor }), ...read, time }
    const commit = await services.catalog.validations.take(told)
    tellFacts(services, place.name, commit)
    return commit.record
  }
}
