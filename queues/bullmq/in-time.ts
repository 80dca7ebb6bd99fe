/** What every part that speaks to BullMQ keeps to: a command ends within its deadline, and its failure is a `StoredError`. */
import { StoredError } from "../../src/core/error.ts"

/** ms that one command may take */
export const COMMAND_DEADLINE = 5_000

/** @throws StoredError TIMEOUT, BACKEND_UNAVAILABLE (both retryable), what `work` throws of ours */
export async function inTime<Result>(work: Promise<Result>, deadline: number = COMMAND_DEADLINE): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timeout(deadline)), deadline)
  })
  try {
    return await Promise.race([work, late])
  } catch (cause) {
    throw unavailable(cause)
  } finally {
    clearTimeout(timer)
  }
}

export function unavailable(cause: unknown): StoredError {
  if (cause instanceof StoredError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StoredError("BACKEND_UNAVAILABLE", `Redis does not answer: ${reason}`, { retryable: true, cause })
}

function timeout(ms: number): StoredError {
  return new StoredError("TIMEOUT", `Redis gave no answer within ${Math.round(ms)} ms.`, { retryable: true })
}
