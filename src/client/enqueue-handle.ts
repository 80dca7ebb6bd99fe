/**
 * A put that was queued, for whoever waits for it, in this process or another. The queue is asked, again and again: what it tells by itself may be
 * lost with a connection, what it holds is true.
 */
import * as z from "zod"
import type { IngestOutcome, IngestQueue } from "../../queues/ingest.ts"
import { isBlobId } from "../core/blob-id.ts"
import { isStoredError, NotFoundError, StoredError, throwIfAborted } from "../core/error.ts"
import type { PutResult } from "../core/metadata.ts"
import { checkOptions } from "../store/check-options.ts"
import { pause, pauseBefore } from "./pause.ts"

export type EnqueuedState = "waiting" | "active" | "done" | "failed" | "unknown"

export interface EnqueuedPut {
  readonly id: string
  /**
   * Once. `waiting` between two tries, too; `unknown`: there is no such put, or it ended more than a day ago.
   * @throws StoredError TIMEOUT, BACKEND_UNAVAILABLE (retryable) where Redis does not answer
   */
  state(): Promise<EnqueuedState>
  /**
   * Resolves with the result of the put. A Redis that goes away meanwhile is waited for, until `signal` fires.
   * @throws StoredError that of the put; NOT_FOUND where there is no such put; ABORTED, CLOSED
   */
  finished(options?: { signal?: AbortSignal }): Promise<PutResult>
}

/** ms */
const FIRST_LOOK = 25
const LONGEST_LOOK = 1_000

/** That which programs lean on; a forged one must not pass for a result. */
const resultSchema = z.looseObject({
  id: z.string().refine(isBlobId),
  key: z.string(),
  version: z.int(),
  size: z.int(),
  isNew: z.boolean(),
  satisfied: z.boolean(),
})

export async function enqueuedState(queue: () => Promise<IngestQueue>, id: string): Promise<EnqueuedState> {
  return (await (await queue()).outcome(id)).state
}

/** Ends with the signal, whatever Redis does. */
export async function enqueuedResult(
  queue: () => Promise<IngestQueue>,
  id: string,
  options: { signal?: AbortSignal },
): Promise<PutResult> {
  const { signal } = checkOptions("idle", options)
  for (let looks = 1; ; looks += 1) {
    throwIfAborted(signal)
    const outcome = await look(await queue(), id, signal)
    if (outcome?.state === "done") return resultOf(outcome.result)
    if (outcome?.state === "failed") throw outcome.error
    if (outcome?.state === "unknown") throw unknown(id)
    await pause(pauseBefore(looks, FIRST_LOOK, LONGEST_LOOK), signal)
  }
}

/** Null where Redis does not answer now. */
async function look(queue: IngestQueue, id: string, signal: AbortSignal | undefined): Promise<IngestOutcome | null> {
  try {
    return await queue.outcome(id, signal)
  } catch (error) {
    throwIfAborted(signal)
    if (isStoredError(error) && error.retryable) return null
    throw error
  }
}

function resultOf(value: unknown): PutResult {
  const { success, data, error } = resultSchema.safeParse(value)
  if (success) return data as unknown as PutResult
  throw new StoredError("INTERNAL", "The queue holds a result that is none.", { cause: error })
}

function unknown(id: string): StoredError {
  return new NotFoundError(`There is no queued put "${id}"; it ended more than a day ago, or never was.`, {
    details: { id },
  })
}
