/**
 * When to try again: capped exponential backoff with jitter, `min(base · 2^n, cap) × 0.8…1.2` (R10). Pure, so that every
 * queue that ever carries these jobs waits alike.
 */
export interface RetryPolicy {
  /** tries in all before a job is parked */
  maxAttempts: number
  /** ms */
  baseDelay: number
  /** ms */
  maxDelay: number
  /** parked jobs are put back to work after so many ms (a slow retry; nothing is ever dropped) */
  reviveAfter: number
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  maxAttempts: 5,
  baseDelay: 1_000,
  maxDelay: 300_000,
  reviveAfter: 3_600_000,
}

/**
 * The delay in ms before the next try, or null where the tries are used up.
 * @param failures how many tries have failed so far, at least 1
 * @param random from 0 (inclusive) to 1 (exclusive)
 */
export function retryDelay(policy: RetryPolicy, failures: number, random: number): number | null {
  if (failures >= policy.maxAttempts) return null
  const exponential = Math.min(policy.baseDelay * 2 ** Math.min(failures - 1, 40), policy.maxDelay)
  return Math.round(exponential * (0.8 + 0.4 * random))
}
