/**
 * Has the outbox worked off, one line a queue (A43, R4). What a line is, is the shape's own: a lane that runs jobs in this process, or a relay that
 * gives them to workers. Nothing is kept outside the outbox, so a restart goes on where the last commit stands.
 */
import type { Catalog, Outcome, OutcomeCommit } from "../src/catalog/catalog.ts"
import type { OutboxRecord } from "../src/catalog/record.ts"
import type { Clock } from "../src/core/clock.ts"
import { abortError, type StoredError } from "../src/core/error.ts"
import type { RateLimit } from "../src/core/rate-limit.ts"
import { Breaker, type BreakerOptions, type BreakerState } from "./breaker.ts"
import { Gate } from "./gate.ts"
import { CHECKSUM_QUEUE, type SyncJob, syncQueue } from "./job.ts"

export interface RunnerEvents {
  started(job: SyncJob): void
  settled(
    row: Pick<OutboxRecord, "queue" | "payload">,
    outcome: Outcome,
    commit: OutcomeCommit,
    error: StoredError | null,
  ): void
  breaker(backend: string, state: BreakerState): void
  /** an outcome could not be committed, or the outbox not be read */
  fault(error: StoredError): void
  /** the way to the workers is disturbed; what is due waits */
  disturbed(queue: string, error: StoredError): void
}

/** One queue that somebody works off. */
export interface Line {
  readonly queue: string
  readonly breaker: Breaker
  readonly gate: Gate
  /** jobs under way */
  readonly running: number
  /** Whether a job for that location is under way. */
  isRunning(backend: string, key: string): boolean
  /** Looks for due rows soon. Cheap; may be called for every row that is added. */
  nudge(): void
  /** Takes no more rows, and waits at most `deadline` ms for what runs. */
  stop(deadline: number): Promise<void>
  /** Instead of `stop`, where the backend of the queue goes: nobody will work on it until it is opened again. */
  leave?(deadline: number): Promise<void>
}

export interface LineOptions {
  queue: string
  /** of a backend's queue */
  backend: string | null
  /** jobs at a time */
  concurrency: number
  breaker: Breaker
  /** asked before each job begins */
  gate: Gate
  /** to be called whenever the line may have run dry */
  drained(): void
}

export interface BackendLine {
  /** jobs at a time */
  concurrency: number
  rateLimit: RateLimit | null
  paused: boolean
}

export interface RunnerOptions {
  catalog: Pick<Catalog, "due">
  clock: Clock
  breaker: BreakerOptions
  events: RunnerEvents
  openLine(options: LineOptions): Line
}

export class Runner {
  readonly #options: RunnerOptions
  readonly #lines = new Map<string, Line>()
  #idleWaiters: (() => void)[] = []

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Begins to work on the checksum queue; backends join by `addBackend`. */
  start(checksumConcurrency: number): void {
    this.#open(CHECKSUM_QUEUE, null, { concurrency: checksumConcurrency, rateLimit: null, paused: false })
  }

  addBackend(backend: string, line: BackendLine): void {
    this.#open(syncQueue(backend), backend, line)
  }

  /** Begins none of its jobs any more; what runs goes on. */
  pause(backend: string): void {
    this.#lines.get(syncQueue(backend))?.gate.pause()
    this.#wakeIdle()
  }

  resume(backend: string): void {
    const line = this.#lines.get(syncQueue(backend))
    line?.gate.resume()
    line?.nudge()
  }

  /** Stops work on a backend's queue; its rows stay in the outbox. */
  async removeBackend(backend: string, deadline: number): Promise<void> {
    const line = this.#lines.get(syncQueue(backend))
    await (line?.leave ? line.leave(deadline) : line?.stop(deadline))
    this.#lines.delete(syncQueue(backend))
    this.#wakeIdle()
  }

  nudge(queue: string): void {
    this.#lines.get(queue)?.nudge()
  }

  nudgeAll(): void {
    for (const line of this.#lines.values()) line.nudge()
  }

  running(queue: string): number {
    return this.#lines.get(queue)?.running ?? 0
  }

  /** Whether a job is due that may begin now. */
  isDue(queue: string): boolean {
    const line = this.#lines.get(queue)
    const now = this.#options.clock.now()
    if (!line || line.gate.opensAt(1, now) > now) return false
    return this.#options.catalog.due(queue, { now, limit: 1 }).length > 0
  }

  breakerOf(backend: string): BreakerState {
    return this.#lines.get(syncQueue(backend))?.breaker.state ?? "closed"
  }

  /** UTC ms at which an open breaker lets a probe through, null where it is not open. */
  retryAtOf(backend: string): number | null {
    return this.#lines.get(syncQueue(backend))?.breaker.retryAt ?? null
  }

  /** UTC ms before which the backend asked not to be asked, null where it did not. */
  heldUntilOf(backend: string): number | null {
    return this.#lines.get(syncQueue(backend))?.breaker.heldUntil ?? null
  }

  isSyncing(backend: string, key: string): boolean {
    return this.#lines.get(syncQueue(backend))?.isRunning(backend, key) ?? false
  }

  /** Nothing runs, and nothing is due now in a queue that somebody works on. */
  isIdle(): boolean {
    const now = this.#options.clock.now()
    for (const { running, queue, breaker, gate } of this.#lines.values()) {
      if (running > 0) return false
      const isWorkedOn = breaker.state !== "open" && !gate.isPaused
      if (isWorkedOn && this.#options.catalog.due(queue, { now, limit: 1 }).length > 0) return false
    }
    return true
  }

  /** Resolves when `isIdle`. @throws the reason of `signal` */
  idle(signal?: AbortSignal): Promise<void> {
    if (this.isIdle()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#idleWaiters = this.#idleWaiters.filter((waiter) => waiter !== check)
        signal?.removeEventListener("abort", abort)
      }
      const check = (): void => {
        if (!this.isIdle()) return
        settle()
        resolve()
      }
      const abort = (): void => {
        settle()
        reject(abortError(signal))
      }
      this.#idleWaiters.push(check)
      signal?.addEventListener("abort", abort, { once: true })
      if (signal?.aborted) abort()
    })
  }

  async stop(deadline: number): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.stop(deadline)))
  }

  #wakeIdle(): void {
    for (const check of this.#idleWaiters.slice()) check()
  }

  #open(queue: string, backend: string | null, { concurrency, rateLimit, paused }: BackendLine): void {
    if (this.#lines.has(queue)) return
    const { events, openLine } = this.#options
    const breaker = new Breaker(this.#options.breaker, (state) => backend !== null && events.breaker(backend, state))
    const line = openLine({
      queue,
      backend,
      concurrency,
      breaker,
      gate: new Gate({ breaker, rateLimit, paused }),
      drained: () => this.#wakeIdle(),
    })
    this.#lines.set(queue, line)
    line.nudge()
  }
}
