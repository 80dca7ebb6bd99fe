/** Waits for something, until a signal fires. */
import { abortError } from "../core/error.ts"

/** @param late given what comes after the signal has fired @throws what `work` throws, or the signal's reason */
export async function until<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
  late: (result: Result) => void = () => {},
): Promise<Result> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  let isOver = false
  const giveUp = (): void => {
    isOver = true
    reject(abortError(signal))
  }
  // A fault that comes too late is nobody's any more.
  work.then((result) => isOver && late(result)).catch(() => {})
  signal?.addEventListener("abort", giveUp, { once: true })
  if (signal?.aborted) giveUp()
  try {
    return await Promise.race([work, over])
  } finally {
    signal?.removeEventListener("abort", giveUp)
  }
}
