/** How fast a validation reads that begins by itself, and whether that is fast enough. */
import type { ValidationRecord } from "../../catalog/validation-record.ts"
import type { ValidateRules } from "../../core/validate-settings.ts"

/** What is read at least, in bytes a second: a small place is done soon. */
const LEAST = 4 * 2 ** 20
/** Half of the time is left for what is added meanwhile, for backends that are away, and for machines that are off. */
const MARGIN = 2
const DAY = 24 * 60

type Rules = Pick<ValidateRules, "every" | "rate" | "between">

/** Share of a day in which something is read. */
export function openShare({ between }: Pick<Rules, "between">): number {
  return between ? ((between.to - between.from + DAY) % DAY || DAY) / DAY : 1
}

/** Bytes a second that are read. @param bytes that are to be read in all */
export function paceOf(rules: Rules, bytes: number): number | null {
  if (rules.rate !== null) return rules.rate
  if (rules.every === null) return null
  return Math.max(LEAST, Math.ceil((MARGIN * bytes) / ((rules.every / 1000) * openShare(rules))))
}

/** Whether it cannot be done in its time any more, as far as can be told. @param now UTC ms */
export function isLate(
  rules: Rules,
  { state, started, plan, bytes }: Pick<ValidationRecord, "state" | "started" | "plan" | "bytes">,
  now: number,
): boolean {
  if (rules.every === null || state !== "running") return false
  const left = Math.max(0, (plan?.chosenBytes ?? 0) - bytes)
  const pace = paceOf(rules, plan?.chosenBytes ?? 0)
  const needed = pace === null ? 0 : (left / pace / openShare(rules)) * 1000
  return now + needed > started + rules.every
}
