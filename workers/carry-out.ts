/**
 * One job under its order: runs the handler until it ends, or until the order's deadline, the transport or the end of the worker cuts it off, and says
 * what to tell the server, now and, where the handler goes on all the same, once it has really ended.
 *
 *   ended by itself            what came of it
 *   deadline                   failed (TIMEOUT); once it ends: late
 *   taken back (lock lost)     once it ends: late
 *   worker stops               returned; where it does not end: late
 */
import type { JobResult } from "../queues/exchange.ts"
import type { Done, Job } from "../queues/job.ts"
import { StoredError, TransientAdapterError, toStoredError } from "../src/core/error.ts"
import { within } from "../src/store/within.ts"
import { doneResult, failedResult } from "./job-result.ts"

export type Cut = "deadline" | "lost" | "stopped"

export interface Cuts {
  /** ms */
  deadline: number
  /** fires when the transport has given the job to somebody else */
  lost: AbortSignal
  /** fires when the worker does not wait any longer */
  stopped: AbortSignal
  /** ms that a handler that was cut off has to end before it counts as one that does not */
  moment: number
}

export interface Told {
  /** to be told now; null: nothing before the handler has ended */
  result: JobResult | null
  /** fulfils when a handler that goes on has ended, and `late` is to be told; null where it has ended */
  late: Promise<void> | null
}

type End = { done: Done<Job["kind"]> } | { error: unknown }

const LONGEST_TIMER = 2 ** 31 - 1

/** @param run starts the handler. Never throws */
export async function carryOut(run: (signal: AbortSignal) => Promise<Done<Job["kind"]>>, cuts: Cuts): Promise<Told> {
  const control = new AbortController()
  const running = run(control.signal).then(
    (done): End => ({ done }),
    (error: unknown): End => ({ error }),
  )
  const cut = cutOff(cuts)
  const first = await Promise.race([running, cut.happened])
  cut.forget()
  if (typeof first !== "string") return { result: resultOf(first), late: null }
  control.abort(reasonOf(first, cuts.deadline))
  let end: End | null = null
  const ended = running.then((value) => {
    end = value
  })
  await within(cuts.moment, ended, () => {})
  return afterCut(first, end, ended, cuts.deadline)
}

function afterCut(cut: Cut, end: End | null, ended: Promise<void>, deadline: number): Told {
  // Proof is proof, whenever it comes; but who was taken for dead tells no more than that it has ended.
  if (end && "done" in end && cut !== "lost") return { result: resultOf(end), late: null }
  if (cut === "deadline") return { result: failedResult(reasonOf(cut, deadline)), late: end ? null : ended }
  if (cut === "lost") return end ? { result: { type: "late" }, late: null } : { result: null, late: ended }
  return { result: { type: end ? "returned" : "late" }, late: null }
}

function resultOf(end: End): JobResult {
  return "done" in end ? doneResult(end.done) : failedResult(toStoredError(end.error))
}

function reasonOf(cut: Cut, deadline: number): StoredError {
  if (cut === "deadline") return new TransientAdapterError(`No end after ${deadline} ms.`, { code: "TIMEOUT" })
  if (cut === "lost") return new StoredError("ABORTED", "The job was given to somebody else.", { retryable: true })
  return new StoredError("CLOSED", "The worker is closing.", { retryable: true })
}

/** Tells the first cut that happens. */
function cutOff({ deadline, lost, stopped }: Cuts): { happened: Promise<Cut>; forget(): void } {
  const { promise: happened, resolve } = Promise.withResolvers<Cut>()
  const timer = setTimeout(() => resolve("deadline"), Math.min(deadline, LONGEST_TIMER))
  const lose = (): void => resolve("lost")
  const stop = (): void => resolve("stopped")
  lost.addEventListener("abort", lose, { once: true })
  stopped.addEventListener("abort", stop, { once: true })
  if (lost.aborted) lose()
  if (stopped.aborted) stop()
  const forget = (): void => {
    clearTimeout(timer)
    lost.removeEventListener("abort", lose)
    stopped.removeEventListener("abort", stop)
  }
  return { happened, forget }
}
