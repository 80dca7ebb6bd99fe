/** Opens a backend and asks it something, so that settings that do not work are told of before they are kept. What does not answer in time is left and closed. */
import type { ExpectedPlace, StorageBackend } from "../backends/backend.ts"
import { abortError, StoredError, throwIfAborted, toStoredError } from "../core/error.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { Log } from "./log.ts"

/** ms for all of it */
const DEADLINE = 30_000

export interface ProbeParts {
  lifecycle: Lifecycle
  log: Log
}

/**
 * Opens `backend` at its `place`, has its health checked and then `look` at it; where one of them fails it is closed again.
 * @throws StoredError why it cannot be used, TIMEOUT
 */
export async function openAndProbe(
  parts: ProbeParts,
  name: string,
  backend: StorageBackend,
  place: ExpectedPlace,
  look: (signal: AbortSignal) => Promise<void> = async () => {},
): Promise<void> {
  try {
    await inTime(parts, name, async (signal) => {
      await backend.open({ signal, place })
      await backend.healthCheck({ signal })
      await look(signal)
    })
  } catch (error) {
    const closing = backend.close()
    closing.catch((fault: unknown) => {
      parts.log.warn({ backend: name, error: toStoredError(fault).toJSON() }, "a backend could not be closed")
    })
    throw toStoredError(error)
  }
}

/** Whether a backend that is in use answers now; what it can do is found out anew. @throws StoredError why it does not, TIMEOUT */
export function probe(parts: ProbeParts, name: string, opened: () => Promise<StorageBackend>): Promise<void> {
  return inTime(parts, name, async (signal) => {
    const backend = await opened()
    await backend.healthCheck({ signal })
    await backend.probe?.({ signal })
  })
}

/** Not every wait of a driver knows of signals: a disk that hangs is left behind. */
async function inTime(
  { lifecycle, log }: ProbeParts,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(tooLate(name)), DEADLINE)
  const signal = AbortSignal.any([late.signal, lifecycle.signal])
  const { promise: over, reject } = Promise.withResolvers<never>()
  const giveUp = (): void => reject(abortError(signal))
  signal.addEventListener("abort", giveUp, { once: true })
  const working = work(signal)
  try {
    throwIfAborted(signal)
    await Promise.race([working, over])
  } catch (error) {
    working.catch((fault: unknown) => {
      if (fault !== error) log.debug({ backend: name, error: toStoredError(fault).toJSON() }, "a probe ended too late")
    })
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", giveUp)
  }
}

function tooLate(name: string): StoredError {
  return new StoredError("TIMEOUT", `Backend "${name}" did not answer in ${DEADLINE / 1000} s.`, { retryable: true })
}
