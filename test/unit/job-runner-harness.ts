/** A runner of jobs whose server keeps what it is told, and handlers that a test holds at a gate. */
import type { JobOrder, JobPointer, JobResult } from "../../queues/exchange.ts"
import type { Done, Job } from "../../queues/job.ts"
import type { EndedJob, Misfit } from "../../src/metrics/meter.ts"
import { type Bench, JobRunner } from "../../workers/job-runner.ts"
import { orderFor, pointerTo } from "./worker-desk.ts"

export const DONE: Done<"sync"> = { type: "done", have: null, verified: { at: 1, by: "absence" }, seen: null }

export const NEVER = new AbortController().signal

/** A runner whose server keeps what it is told. `run` stands for the handler. */
export function makeRunner(
  options: { run?: Bench["run"]; order?: JobOrder | null; waits?: number[]; fault?: Error; moment?: number } = {},
) {
  const told: { claim: string; pointer: JobPointer; result: JobResult }[] = []
  const logged: [object, string][] = []
  const note = (facts: object, text: string): void => void logged.push([facts, text])
  const ended: Omit<EndedJob, "seconds">[] = []
  const misfits: Misfit[] = []
  const waiters = new Set<() => void>()
  const claims: unknown[] = []
  const claimed = Promise.withResolvers<void>()
  const waits = options.waits ?? []
  const runner = new JobRunner({
    exchange: {
      claim: async (...words) => {
        claims.push(words.slice(0, 2))
        claimed.resolve()
        const wait = waits.shift()
        if (wait !== undefined) return { wait }
        return options.order === undefined ? orderFor("k") : options.order
      },
      report: async (claim, pointer, result) => {
        if (options.fault) throw options.fault
        told.push({ claim, pointer, result })
        for (const look of waiters) look()
        return "applied"
      },
    },
    log: { debug() {}, info() {}, warn: note, error: note },
    meter: {
      jobEnded: ({ seconds, ...end }) => void ended.push(end),
      notUnderstood: (misfit) => void misfits.push(misfit),
      bytes: () => {},
    },
    moment: options.moment ?? 60_000,
  })
  const closing = new AbortController()
  const bench: Bench = {
    takes: (pointer) => pointer.kind === "sync" && pointer.backend === "b",
    run: options.run ?? (async () => DONE),
    closed: closing.signal,
  }
  const take = (pointer: unknown = pointerTo("k"), lost: AbortSignal = NEVER) =>
    runner.take(bench, { id: "j", pointer }, lost)
  const toldCount = (count: number) =>
    new Promise<void>((resolve) => {
      const look = (): void => {
        if (told.length >= count) resolve()
      }
      waiters.add(look)
      look()
    })
  return { runner, take, told, ended, misfits, toldCount, logged, claims, claimed: claimed.promise, closing }
}

/** A handler at a gate: it heeds its signal or does not. */
export function handlerAtGate(heeds: boolean) {
  const began = Promise.withResolvers<AbortSignal>()
  const gate = Promise.withResolvers<Done<"sync">>()
  const run: Bench["run"] = (_job: Job, signal) => {
    began.resolve(signal)
    if (heeds) signal.addEventListener("abort", () => gate.reject(signal.reason))
    return gate.promise
  }
  return { run, began: began.promise, end: () => gate.resolve(DONE), fail: gate.reject }
}

export const results = (told: { result: JobResult }[]) => told.map(({ result }) => result.type)
