/** Time that passes, to measure and to wait by: never set back, as the clock of the system may be. */
import { setTimeout as sleep } from "node:timers/promises"
import { throwIfAborted } from "../../core/error.ts"

export interface Timer {
  /** ms since some moment */
  now(): number
  /** @throws StoredError ABORTED */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemTimer: Timer = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal }).catch(() => throwIfAborted(signal))
  },
}
