/** A request that is answered when something comes true, or when its time is over, so that nobody has to ask again and again at once. */
import { isStoredError } from "../core/error.ts"
import { whole } from "./query.ts"

/** ms a request may wait: below what proxies between us and the client put up with */
const LONGEST = 60_000

export const waitParameter = whole(0, LONGEST).default(30_000)

/**
 * The result of `work`, or null where `wait` ms ran out before.
 * @param ends fire where nobody waits for the answer any more
 * @throws what `work` throws, the reason of `ends`
 */
export async function longPoll<Result>(
  wait: number,
  ends: AbortSignal[],
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | null> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), wait)
  try {
    return await work(AbortSignal.any([over.signal, ...ends]))
  } catch (error) {
    const isOver = over.signal.aborted && isStoredError(error) && error.code === "ABORTED"
    if (isOver && !ends.some((end) => end.aborted)) return null
    throw error
  } finally {
    clearTimeout(timer)
  }
}
