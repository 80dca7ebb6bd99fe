/**
 * One durable write transaction, and what its failure means. Nothing but a child transaction takes its writes back when its callback throws.
 *
 * A failed commit left nothing behind where LMDB's transaction number did not move. Then a full disk is just that; anything else, EIO above all,
 * leaves the state of the disk unknown, and the process has to stop.
 */
import { statfs } from "node:fs/promises"
import { StoredError } from "../../core/error.ts"
import { diskFull } from "../commit-queue.ts"
import type { Env } from "./environment.ts"
import { causeOfCommit, codeOf, isInputOutput, isNoSpace } from "./failure.ts"

/** Less than this is left of a disk that cut a write short. */
const NEXT_TO_NOTHING = 256 * 2 ** 10

/**
 * Runs `action` inside a write transaction; resolves once that is on disk.
 * @throws what `action` throws (nothing is written); StoredError DISK_FULL (nothing was changed), COMMIT_UNKNOWN
 */
export async function transact<Result>(env: Env, directory: string, action: () => Result): Promise<Result> {
  let transaction = 0
  try {
    const result = await env.childTransaction(() => {
      transaction = env.getWriteTxnId()
      return action()
    })
    await env.flushed
    return result
  } catch (error) {
    const cause = await causeOfCommit(error)
    // Thrown by the action itself, which was taken back; what LMDB and the system throw has a number.
    if (typeof codeOf(cause) !== "number") throw cause
    throw await explain(env, directory, transaction, cause)
  } finally {
    // Reads of this turn of the event loop may still stand on the state before.
    env.resetReadTxn()
  }
}

async function explain(env: Env, directory: string, transaction: number, cause: unknown): Promise<StoredError> {
  if (!mayHaveMoved(env, transaction) && (isNoSpace(cause) || (isInputOutput(cause) && (await isFull(directory)))))
    return diskFull(cause)
  return new StoredError(
    "COMMIT_UNKNOWN",
    "The disk failed while a commit was written, and nobody knows whether it is stored; stop the server, look at the disk, and start again.",
    { cause, details: { directory } },
  )
}

async function isFull(directory: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize < NEXT_TO_NOTHING
}

/** Whether this transaction, or one after it, may be the last committed one. */
function mayHaveMoved(env: Env, transaction: number): boolean {
  if (transaction === 0) return false
  try {
    const stats = env.getStats() as { lastTxnId?: number }
    return (stats.lastTxnId ?? transaction) >= transaction
  } catch (error) {
    // LMDB answers nothing any more once the page that ends a commit could not be written.
    if (typeof codeOf(error) === "number") return true
    throw error
  }
}
