/**
 * What crosses from a thread of the pool to its owner. An error that is thrown across threads loses its code and its other fields, so
 * a thread never throws: it answers, and the pool throws the `StoredError` again on this side.
 */
import { type SerializedError, StoredError, toStoredError } from "../core/error.ts"

export type ThreadAnswer<Result> = { ok: true; value: Result } | { ok: false; error: SerializedError }

/** Makes of a function one that answers and never throws: what a thread file exports. */
export function answering<Task, Result>(
  work: (task: Task) => Promise<Result>,
): (task: Task) => Promise<ThreadAnswer<Result>> {
  return async (task) => {
    try {
      return { ok: true, value: await work(task) }
    } catch (error) {
      return { ok: false, error: toStoredError(error).toJSON() }
    }
  }
}

/** The value of an answer. @throws StoredError the thread's own */
export function resultOf<Result>(answer: ThreadAnswer<Result>): Result {
  if (answer.ok) return answer.value
  const { code, message, retryable, details } = answer.error
  throw new StoredError(code, message, { retryable, ...(details && { details }) })
}
