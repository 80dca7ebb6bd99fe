/** A validation, for a person. */
import type { BackendValidation, ValidateStatus } from "../store/store.ts"
import { formatAge, formatBytes, formatCount, safe } from "./format.ts"

const STATES: Readonly<Record<ValidateStatus["state"], string>> = {
  idle: "is not being validated",
  running: "is being validated",
  paused: "is validated in part, paused",
  cancelled: "was validated in part, cancelled",
  failed: "was validated in part, failed",
  done: "validated",
}

/** One line. @param now UTC ms */
export function describeValidate(status: ValidateStatus, now: number): string {
  const { backend, number, state, copies, bytes, started, modified, plan, waiting, validAsOf } = status
  const known = validAsOf === null ? "" : `; all of it was read ${formatAge(now - validAsOf)} ago`
  if (number === 0) return `${safe(backend)} was never validated by request${known}`
  const age = formatAge((state === "running" ? now : modified) - started)
  const of = plan ? ` of ${formatCount(plan.chosen)}` : ""
  const parts = [
    `${safe(backend)} ${STATES[state]}: ${formatCount(copies)}${of} copies, ${formatBytes(bytes)} in ${age}`,
    ...sampled(status),
    found(status),
    ...(waiting ? [`waits: ${safe(waiting.message)}`] : []),
  ]
  return parts.join("; ")
}

/** Which copies it was, so that somebody can read the same ones again. */
function sampled({ sample, seed, plan }: ValidateStatus): string[] {
  if (sample >= 1) return []
  const all = plan ? ` of ${formatCount(plan.copies)} copies in all` : ""
  return [`a sample of ${Number((sample * 100).toPrecision(3))} %${all}, seed ${safe(seed)}`]
}

function found(status: ValidateStatus): string {
  const { good, corrupt, missing, changed, unreadable, healing, kept } = status
  const words = [
    `${formatCount(good)} good`,
    `${formatCount(corrupt)} bad`,
    `${formatCount(missing)} missing`,
    ...(changed > 0 ? [`${formatCount(changed)} changed by somebody, to be looked at`] : []),
    ...(unreadable > 0 ? [`${formatCount(unreadable)} could not be read`] : []),
  ]
  const bad = corrupt + missing
  const mended =
    bad === 0
      ? ""
      : `; ${formatCount(healing)} of these ${formatCount(bad)} are brought back, ${formatCount(kept)} lie in quarantine`
  return words.join(", ") + mended
}

/** What a status shows of it, behind its place. @param now UTC ms */
export function describeValidateBriefly(status: BackendValidation, now: number): string {
  const { state, rolling, copies, chosen, corrupt, missing, unreadable, late, validAsOf } = status
  return [
    `${state}${rolling ? " by itself" : ""}`,
    `${formatCount(copies)}${chosen === null ? "" : ` of ${formatCount(chosen)}`} copies`,
    ...(corrupt + missing > 0 ? [`${formatCount(corrupt)} bad, ${formatCount(missing)} missing`] : []),
    ...(unreadable > 0 ? [`${formatCount(unreadable)} could not be read`] : []),
    ...(late ? ["too slow for its time"] : []),
    validAsOf === null ? "not all of it was read again yet" : `all of it was read ${formatAge(now - validAsOf)} ago`,
  ].join(", ")
}
