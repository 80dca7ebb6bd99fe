/**
 * A request that says who it is (`Idempotency-Key`) changes something once (RELIABILITY P10): the outcome is kept in the transaction that brings it about. Sent
 * again within a day it changes nothing and is answered alike; another request under the same name is refused.
 */
import { StoredError } from "../../core/error.ts"
import type { Once } from "../copy-fact.ts"
import type { Rows } from "../rows/rows.ts"
import { count } from "./totals.ts"

/** ms */
export const KEPT_FOR = 24 * 3_600_000

/**
 * @param act brings it about; what it gives is plain JSON
 * @throws StoredError KEY_REUSED, and what `act` throws
 */
export function once<Commit extends object>(
  rows: Rows,
  { once: request, time }: { once?: Once; time: number },
  act: () => Commit,
): Commit & { repeated?: true } {
  if (!request) return act()
  const kept = rows.get("requests", request.name)
  if (kept && kept.time > time - KEPT_FOR) {
    if (kept.fingerprint !== request.fingerprint) throw reused()
    return { ...(kept.commit as Commit), repeated: true }
  }
  const commit = act()
  if (!kept) count(rows, { requests: 1 })
  rows.put("requests", request.name, { fingerprint: request.fingerprint, time, commit })
  return commit
}

/** Forgets those of before a time, of at most `limit` rows behind `after`. @returns the last row that was looked at, null at the end */
export function forgetRequests(
  rows: Rows,
  { before, after, limit }: { before: number; after: string | null; limit: number },
): string | null {
  const page = [...rows.range("requests", { ...(after !== null && { after }), limit })]
  for (const [name, { time }] of page) {
    if (time >= before) continue
    rows.remove("requests", name)
    count(rows, { requests: -1 })
  }
  return page.length < limit ? null : page.at(-1)![0]
}

function reused(): StoredError {
  return new StoredError(
    "KEY_REUSED",
    "This Idempotency-Key was sent before with another request; give each request a key of its own.",
  )
}
