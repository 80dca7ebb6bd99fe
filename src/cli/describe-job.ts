/** A job of the outbox for a person: one line. */
import type { OutboxRecord } from "../catalog/record.ts"
import { formatAge, safe } from "./format.ts"

/** @param now UTC ms */
export function describeJob({ payload, attempts, error, modified }: OutboxRecord, now: number): string {
  const what = payload.kind === "sync" ? `${payload.backend}  ${payload.key}` : `checksums  ${payload.id}`
  const why = error ? `: ${error.message} [${error.code}]` : ""
  return safe(
    `${what}  ${attempts} ${attempts === 1 ? "try" : "tries"}, the last ${formatAge(now - modified)} ago${why}`,
  )
}
