/** A try that failed, as an outcome: again later, or parked. The one owner of retries, whoever made the try (DESIGN §7). */
import type { Outcome } from "../src/catalog/catalog.ts"
import type { OutboxRecord } from "../src/catalog/record.ts"
import type { StoredError } from "../src/core/error.ts"
import type { Breaker } from "./breaker.ts"
import { type RetryPolicy, retryDelay } from "./retry-policy.ts"
import { subjectOf } from "./subject.ts"

export interface FailureContext {
  breaker: Breaker
  policy: RetryPolicy
  /** UTC ms */
  now: number
  random(): number
}

export function failureOf(
  { payload, attempts }: Pick<OutboxRecord, "payload" | "attempts">,
  error: StoredError,
  { breaker, policy, now, random }: FailureContext,
): Outcome {
  // A source that cannot be read says nothing about the backend, nor does a write that another one was faster than.
  const aside = error.code === "SOURCE_FAILED" || error.code === "CONFLICT"
  const ofBackend = error.retryable && !aside && breaker.faulted(now, subjectOf(payload))
  if (!error.retryable) breaker.succeeded()
  const asked = aside ? 0 : askedDelay(error)
  // Said to one job, it is meant for all of them.
  if (asked > 0 && payload.kind === "sync") breaker.hold(now, asked)
  const failures = attempts + (ofBackend ? 0 : 1)
  const delay = error.retryable ? retryDelay(policy, Math.max(1, failures), random()) : null
  const result =
    delay === null && !ofBackend
      ? { type: "park" as const, error: error.toJSON() }
      : {
          type: "retry" as const,
          // Parked jobs would be back by then.
          dueAt: now + Math.max(delay ?? policy.maxDelay, Math.min(asked, policy.reviveAfter)),
          error: error.toJSON(),
          countAttempt: !ofBackend,
        }
  return payload.kind === "sync"
    ? { kind: "sync", backend: payload.backend, key: payload.key, generation: payload.generation, result }
    : { kind: "checksum", id: payload.id, result }
}

/** ms that the backend asked for before it is tried again. */
function askedDelay({ details: { retryAfter } }: StoredError): number {
  return typeof retryAfter === "number" && retryAfter > 0 ? retryAfter : 0
}
