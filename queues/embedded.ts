/**
 * The embedded runner: works the outbox off inside the server's own process, one lane a queue (A43, R4). Nothing is kept outside
 * the outbox, so a restart goes on where the last commit stands.
 */
import type { Catalog, Outcome, OutcomeCommit } from "../src/catalog/catalog.ts"
import type { JobPayload, OutboxRecord } from "../src/catalog/record.ts"
import type { Clock } from "../src/core/clock.ts"
import { abortError, type StoredError, TransientAdapterError } from "../src/core/error.ts"
import { Breaker, type BreakerOptions, type BreakerState } from "./breaker.ts"
import { CHECKSUM_QUEUE, type ChecksumJob, type JobHandlers, type SyncJob, syncQueue } from "./job.ts"
import { Lane } from "./lane.ts"
import type { RetryPolicy } from "./retry-policy.ts"

export interface RunnerEvents {
  started(job: SyncJob): void
  settled(row: OutboxRecord, outcome: Outcome, commit: OutcomeCommit, error: StoredError | null): void
  breaker(backend: string, state: BreakerState): void
  /** the catalog can no longer be trusted to commit */
  fault(error: StoredError): void
}

export interface EmbeddedRunnerOptions {
  catalog: Pick<Catalog, "due" | "commitOutcomes" | "location" | "object" | "blob" | "queues">
  handlers: JobHandlers
  clock: Clock
  policy: RetryPolicy
  breaker: BreakerOptions
  /** side checksums that every blob should have */
  sideChecksums: ChecksumJob["algorithms"]
  events: RunnerEvents
  /** ms that a job may take, to which the time for its bytes is added; absent: two minutes */
  deadline?: number
  random?(): number
}

const BASE_DEADLINE = 120_000
/** the slowest transfer that is not taken for a hang */
const SLOWEST_BYTES_PER_MS = 64

export class EmbeddedRunner {
  readonly #options: EmbeddedRunnerOptions
  readonly #lanes = new Map<string, Lane>()
  #idleWaiters: (() => void)[] = []

  constructor(options: EmbeddedRunnerOptions) {
    this.#options = options
  }

  /** Begins to work on the checksum queue; backends join by `addBackend`. */
  start(checksumConcurrency: number): void {
    this.#openLane(CHECKSUM_QUEUE, checksumConcurrency, () => {})
  }

  addBackend(backend: string, concurrency: number): void {
    this.#openLane(syncQueue(backend), concurrency, (state) => this.#options.events.breaker(backend, state))
  }

  /** Stops work on a backend's queue; its rows stay in the outbox. */
  async removeBackend(backend: string, deadline: number): Promise<void> {
    const lane = this.#lanes.get(syncQueue(backend))
    await lane?.stop(deadline)
    this.#lanes.delete(syncQueue(backend))
    this.#wakeIdle()
  }

  nudge(queue: string): void {
    this.#lanes.get(queue)?.nudge()
  }

  nudgeAll(): void {
    for (const lane of this.#lanes.values()) lane.nudge()
  }

  running(queue: string): number {
    return this.#lanes.get(queue)?.running ?? 0
  }

  breakerOf(backend: string): BreakerState {
    return this.#lanes.get(syncQueue(backend))?.breaker.state ?? "closed"
  }

  isSyncing(backend: string, key: string): boolean {
    return this.#lanes.get(syncQueue(backend))?.isRunning(backend, key) ?? false
  }

  /** Nothing runs, and nothing is due now in a queue that somebody works on. */
  isIdle(): boolean {
    const now = this.#options.clock.now()
    for (const lane of this.#lanes.values()) {
      if (lane.running > 0) return false
      if (lane.breaker.state !== "open" && this.#options.catalog.due(lane.queue, { now, limit: 1 }).length > 0)
        return false
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
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop(deadline)))
  }

  #wakeIdle(): void {
    for (const check of this.#idleWaiters.slice()) check()
  }

  #openLane(queue: string, concurrency: number, changed: (state: BreakerState) => void): void {
    if (this.#lanes.has(queue)) return
    const { catalog, clock, policy, breaker, events, random = Math.random } = this.#options
    const lane = new Lane(queue, concurrency, new Breaker(breaker, changed), {
      catalog,
      clock,
      policy,
      random,
      run: (row, signal) => this.#run(row.payload, signal),
      deadline: (row) => this.#deadline(row.payload),
      settled: (row, outcome, commit, error) => events.settled(row, outcome, commit, error),
      fault: (error) => events.fault(error),
      drained: () => this.#wakeIdle(),
    })
    this.#lanes.set(queue, lane)
    lane.nudge()
  }

  #run(payload: JobPayload, signal: AbortSignal): Promise<Outcome> {
    return payload.kind === "sync" ? this.#sync(payload, signal) : this.#checksum(payload.id, signal)
  }

  /** Asks the catalog what is wanted now, not when the row was written: a job that was overtaken does the newer thing. */
  async #sync(payload: Extract<JobPayload, { kind: "sync" }>, signal: AbortSignal): Promise<Outcome> {
    const { catalog, handlers, events } = this.#options
    const { backend, key } = payload
    const location = catalog.location(backend, key)
    const generation = location?.generation ?? payload.generation
    const fence = { kind: "sync" as const, backend, key, generation }
    // The location went with its row after this one was read: there is nothing to make true, and the catalog answers `gone`.
    if (!location) return { ...fence, result: GONE }
    const blob = location.want ? catalog.blob(location.want) : null
    if (location.want && !blob) throw new TransientAdapterError(`The catalog has no row for ${location.want}.`)
    const attributes = catalog.object(location.objectKey)?.attributes
    const want = blob && { id: blob.id, size: blob.size, mimeType: blob.mimeType, ...attributes }
    const job: SyncJob = { version: 1, kind: "sync", backend, key, generation, want }
    events.started(job)
    return { ...fence, result: await handlers.sync(job, signal) }
  }

  async #checksum(id: ChecksumJob["id"], signal: AbortSignal): Promise<Outcome> {
    const blob = this.#options.catalog.blob(id)
    if (!blob) return { kind: "checksum", id, result: { type: "done", checksums: {} } }
    const algorithms = this.#options.sideChecksums.filter((algorithm) => !blob.checksums[algorithm])
    const job: ChecksumJob = { version: 1, kind: "checksum", id, size: blob.size, algorithms }
    return { kind: "checksum", id, result: await this.#options.handlers.checksum(job, signal) }
  }

  #deadline(payload: JobPayload): number {
    const { catalog, deadline = BASE_DEADLINE } = this.#options
    const id = payload.kind === "sync" ? catalog.location(payload.backend, payload.key)?.want : payload.id
    const size = (id && catalog.blob(id)?.size) || 0
    return Math.min(deadline + size / SLOWEST_BYTES_PER_MS, 2 ** 31 - 1)
  }
}

const GONE = { type: "done" as const, have: null, verified: { at: 0, by: "absence" as const }, seen: null }
