/** Pauses between tries to reach the server: 100 ms, doubling up to 5 s, each 20 % more or less, so that many workers do not come at once. */
import { setTimeout as sleep } from "node:timers/promises"
import { throwIfAborted } from "../src/core/error.ts"

export interface Backoff {
  /** ms */
  first: number
  /** ms */
  most: number
}

export const DEFAULT_BACKOFF: Backoff = { first: 100, most: 5_000 }

/** @param failures in a row so far, at least 1. @param random from 0 to 1 */
export function pauseAfter(failures: number, { first, most }: Backoff, random: number): number {
  return Math.round(Math.min(first * 2 ** Math.min(failures - 1, 40), most) * (0.8 + 0.4 * random))
}

/** Resolves after so many ms, or as soon as one of the signals fires. */
export async function sleepUnless(signals: readonly AbortSignal[], ms: number): Promise<void> {
  const signal = AbortSignal.any([...signals])
  // It rejects with nothing but the reason of the signal, which whoever waits looks at itself.
  await sleep(ms, undefined, { signal }).catch(() => {})
}

/** @throws StoredError the reason of `signal` */
export async function pause(failures: number, backoff: Backoff, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal)
  try {
    await sleep(pauseAfter(failures, backoff, Math.random()), undefined, { signal })
  } catch (error) {
    throwIfAborted(signal)
    throw error
  }
}
