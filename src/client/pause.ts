/** The pause before another try: growing, never the same for everybody, ended by a signal. */

/** @param tries that failed in a row, from 1. @returns ms: `first` doubled with each, at most `most`, ±20 % */
export function pauseBefore(tries: number, first: number, most: number): number {
  return Math.min(most, first * 2 ** Math.min(tries - 1, 30)) * (0.8 + Math.random() * 0.4)
}

/** Resolves after `time` ms or when the signal fires, whichever is first. */
export function pause(time: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", end)
      resolve()
    }
    const timer = setTimeout(end, time)
    signal?.addEventListener("abort", end, { once: true })
    if (signal?.aborted) end()
  })
}
