/**
 * Takes what the queues give: checks the pointer, claims the job, carries out the order, reports. A delivery is over when the server has kept what came of
 * it. Nothing is lost where that fails: the outbox still has the row, and the server finds out that the queue lets go of it.
 */
import { type JobOrder, type JobPointer, type JobResult, readPointer } from "../queues/exchange.ts"
import type { Done, Job } from "../queues/job.ts"
import { tracedJob } from "../queues/traced-job.ts"
import { type Delivery, HandedBack, NotUnderstood } from "../queues/transport.ts"
import { isStoredError, toStoredError } from "../src/core/error.ts"
import type { EndedJob, Meter } from "../src/metrics/meter.ts"
import type { Log } from "../src/store/log.ts"
import { within } from "../src/store/within.ts"
import type { Tracer } from "../src/tracing/tracer.ts"
import { sleepUnless } from "./backoff.ts"
import { carryOut } from "./carry-out.ts"
import type { ExchangeClient } from "./exchange-client.ts"

export interface JobRunnerOptions {
  exchange: Pick<ExchangeClient, "claim" | "report">
  log: Log
  meter: Meter
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  /** ms that a handler that was cut off has to end */
  moment?: number
  /** absent: the versions of pointers that this program knows */
  read?: typeof readPointer
}

/** Where jobs of one queue are run. */
export interface Bench {
  /** whether a pointer belongs here */
  takes(pointer: JobPointer): boolean
  run(job: Job, signal: AbortSignal): Promise<Done<Job["kind"]>>
  /** fires when the bench is taken away: what runs on it is given back */
  closed: AbortSignal
}

const MOMENT = 2_000
const MISFIT = "a job of a version that this worker does not know was handed back; upgrade it, or the server"

export class JobRunner {
  readonly #options: JobRunnerOptions
  /** takes that have not returned */
  readonly #taking = new Set<Promise<void>>()
  /** jobs that were cut off and go on all the same */
  readonly #overdue = new Set<{ order: JobOrder }>()
  readonly #finishing = new AbortController()
  readonly #stopped = new AbortController()
  #toldVersion = false
  #running = 0

  constructor(options: JobRunnerOptions) {
    this.#options = options
  }

  /** false once no job is begun any more */
  get isTaking(): boolean {
    return !this.#finishing.signal.aborted
  }

  /** jobs that run, those that were cut off and go on among them */
  get running(): number {
    return this.#running + this.#overdue.size
  }

  /** @throws StoredError where the server cannot be told, NotUnderstood, HandedBack (it stops); the first two are logged already */
  take(bench: Bench, delivery: Delivery, lost: AbortSignal): Promise<void> {
    const take = this.#take(bench, delivery, lost).finally(() => this.#taking.delete(take))
    this.#taking.add(take)
    return take
  }

  /** Begins nothing more; what is still given is handed back. */
  finish(): void {
    this.#finishing.abort()
  }

  /** Waits at most `grace` ms for what runs, then cuts it off, and resolves once everything about it is told or given up. */
  async stop(grace: number): Promise<void> {
    this.finish()
    await within(grace, this.#idle(), () => {})
    this.#stopped.abort()
    await this.#idle()
    await Promise.all([...this.#overdue].map((overdue) => this.#tellLate(overdue)))
  }

  async #idle(): Promise<void> {
    while (this.#taking.size > 0) await Promise.allSettled([...this.#taking])
  }

  async #take(bench: Bench, { id, pointer: given }: Delivery, lost: AbortSignal): Promise<void> {
    const pointer = this.#read(bench, id, given)
    if (!pointer) return
    try {
      const order = await this.#claim(bench, id, pointer, lost)
      if (order) await this.#carryOut(bench, order, lost)
    } catch (error) {
      if (error instanceof HandedBack) throw error
      const fault = toStoredError(error)
      if (lost.aborted || this.#stopped.signal.aborted) return
      this.#options.log.warn({ jobId: id, ...factsOf(pointer), error: fault.toJSON() }, "a job was let go")
      throw fault
    }
  }

  /** Waits for as long as the server says that others come first. @throws HandedBack where the worker or the bench ends before */
  async #claim(bench: Bench, id: string, pointer: JobPointer, lost: AbortSignal): Promise<JobOrder | null> {
    // Also while it stops: the server then hears that somebody else is to have it.
    const signal = AbortSignal.any([lost, this.#stopped.signal])
    for (;;) {
      const answer = await this.#options.exchange.claim(id, pointer, signal)
      if (!answer || !("wait" in answer)) return answer
      await sleepUnless([lost, this.#finishing.signal, bench.closed], answer.wait)
      if (lost.aborted) return null
      if (!this.isTaking || bench.closed.aborted) throw new HandedBack("The worker stops before the job could begin.")
    }
  }

  #read(bench: Bench, jobId: string, given: unknown): JobPointer | null {
    const { read = readPointer, meter, log } = this.#options
    const reading = read(given)
    if ("unknown" in reading) throw this.#misfit(jobId, reading.unknown)
    if ("payload" in reading && bench.takes(reading.payload)) return reading.payload
    const issues = "payload" in reading ? ["it belongs to another queue"] : reading.issues
    meter.notUnderstood("payload")
    log.error({ jobId, issues: issues.slice(0, 5) }, "a job that nobody understands was dropped")
    return null
  }

  /** Loud the first time; a queue may be full of them. */
  #misfit(jobId: string, version: number): NotUnderstood {
    const { meter, log } = this.#options
    meter.notUnderstood("version")
    if (!this.#toldVersion) log.error({ jobId, version }, MISFIT)
    else log.debug({ jobId, version }, MISFIT)
    this.#toldVersion = true
    return new NotUnderstood(version)
  }

  async #carryOut(bench: Bench, order: JobOrder, lost: AbortSignal): Promise<void> {
    const { exchange, log, meter, tracer, moment = MOMENT } = this.#options
    const { claim, job, deadline, trace } = order
    if (!this.isTaking || bench.closed.aborted) return this.#report(order, { type: "returned" })
    const stopped = AbortSignal.any([this.#stopped.signal, bench.closed])
    log.debug({ claim, ...factsOf(job) }, "a job begins")
    this.#running += 1
    const began = performance.now()
    const run = (signal: AbortSignal) => tracedJob(tracer, job, trace, () => bench.run(job, signal))
    const told = await carryOut(run, { deadline, lost, stopped, moment }).finally(() => {
      this.#running -= 1
    })
    meter.jobEnded({ ...endOf(job, told.result), seconds: (performance.now() - began) / 1000 })
    if (told.late) this.#watch(order, told.late)
    if (!told.result) return
    const facts = { claim, ...factsOf(job), result: told.result.type }
    if (told.result.type === "failed") log.warn({ ...facts, error: told.result.error }, "a job failed")
    else log.debug(facts, "a job has ended")
    const status = await exchange.report(claim, pointerOf(job), told.result)
    if (status !== "applied") log.debug({ ...facts, status }, "what came of a job changed nothing")
  }

  async #report({ claim, job }: JobOrder, result: JobResult): Promise<void> {
    await this.#options.exchange.report(claim, pointerOf(job), result)
  }

  #watch(order: JobOrder, ended: Promise<void>): void {
    const overdue = { order }
    this.#overdue.add(overdue)
    this.#options.log.warn(
      { claim: order.claim, ...factsOf(order.job) },
      "a job that was cut off goes on; it is waited for",
    )
    void ended.then(() => this.#tellLate(overdue))
  }

  /** Never throws. When the worker stops, a job that still goes on is told of before the process ends with it. */
  async #tellLate(overdue: { order: JobOrder }): Promise<void> {
    if (!this.#overdue.delete(overdue)) return
    try {
      await this.#report(overdue.order, { type: "late" })
    } catch (error) {
      const facts = { claim: overdue.order.claim, ...factsOf(overdue.order.job) }
      const reason = isStoredError(error) ? { error: error.toJSON() } : { err: error }
      this.#options.log.error({ ...facts, ...reason }, "the server could not be told of a job that ended late")
    }
  }
}

/** With the generation that was ordered, which may be newer than the one that was queued. */
function pointerOf(job: Job): JobPointer {
  if (job.kind === "checksum") return { version: 1, kind: "checksum", id: job.id }
  const { backend, key, generation } = job
  return { version: 1, kind: "sync", backend, key, generation }
}

/** A try as it is counted. */
function endOf(job: Job, result: JobResult | null): Omit<EndedJob, "seconds"> {
  const backend = job.kind === "sync" ? job.backend : null
  if (result?.type === "failed") return { kind: job.kind, backend, outcome: "failed", code: result.error.code }
  const outcome = result?.type === "synced" || result?.type === "hashed" ? "done" : (result?.type ?? "late")
  return { kind: job.kind, backend, outcome, code: null }
}

function factsOf(job: Job | JobPointer): object {
  if (job.kind === "checksum") return { kind: job.kind, id: job.id }
  const id = "want" in job ? (job.want?.id ?? null) : undefined
  return { kind: job.kind, backend: job.backend, key: job.key, ...(id !== undefined && { id }) }
}
