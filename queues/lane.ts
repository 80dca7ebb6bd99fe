/**
 * One queue being worked off inside this process: takes due rows in order, runs up to `concurrency` of them at a time, turns what
 * becomes of each into an outcome, and commits it. A row that is under way is never started twice; a row whose outcome is not
 * committed stays in the outbox and is found again after a restart.
 *
 * A job that does not end at its deadline loses its slot but stays watched: it may still write. When it ends, and when the lane stops before that,
 * its location is looked at again. So it is with a job that does not end when the lane is stopped: the store may go on, and another lane with it.
 */
import type { Catalog, Outcome, OutcomeCommit } from "../src/catalog/catalog.ts"
import type { OutboxRecord } from "../src/catalog/record.ts"
import type { Clock } from "../src/core/clock.ts"
import { StoredError, TransientAdapterError, toStoredError } from "../src/core/error.ts"
import type { Breaker } from "./breaker.ts"
import { failureOf } from "./failure.ts"
import type { Gate } from "./gate.ts"
import type { RetryPolicy } from "./retry-policy.ts"
import type { Line } from "./runner.ts"
import { locationSubject, subjectOf } from "./subject.ts"

export type LaneCatalog = Pick<Catalog, "due" | "commitOutcomes">

export interface LaneServices {
  catalog: LaneCatalog
  clock: Clock
  policy: RetryPolicy
  random(): number
  /** Runs the job of a row; stops soon after `signal` fires. */
  run(row: OutboxRecord, signal: AbortSignal): Promise<Outcome>
  /** ms that the row's job may take before its slot is taken back */
  deadline(row: OutboxRecord): number
  /** Told of each outcome after it is committed, and of its error where there is one. */
  settled(row: OutboxRecord, outcome: Outcome, commit: OutcomeCommit, error: StoredError | null): void
  /** Told of each try that ended or lost its slot. */
  tried?(row: OutboxRecord, error: StoredError | null, seconds: number): void
  /** A fault that the lane cannot turn into an outcome (the commit itself failed). */
  fault(error: StoredError): void
  /** Called whenever the lane may have run dry. */
  drained(): void
}

const READ_AHEAD = 256
/** ms without a new job after the catalog failed */
const HOLD_OFF = 1_000
/** setTimeout counts in 32 bits; a later row is simply looked at again then */
const LONGEST_SLEEP = 3_600_000

export class Lane implements Line {
  readonly queue: string
  readonly breaker: Breaker
  readonly gate: Gate
  concurrency: number
  readonly #services: LaneServices
  /** jobs that have lost their slots and have not ended */
  readonly #overdue = new Set<OutboxRecord>()
  readonly #running = new Map<string, { row: OutboxRecord; control: AbortController; done: Promise<void> }>()
  #ahead: OutboxRecord[] = []
  #closing = false
  #timer: NodeJS.Timeout | null = null
  #pumpQueued = false
  /** UTC ms */
  #heldUntil = 0

  constructor(queue: string, concurrency: number, guards: { breaker: Breaker; gate: Gate }, services: LaneServices) {
    this.queue = queue
    this.concurrency = concurrency
    this.breaker = guards.breaker
    this.gate = guards.gate
    this.#services = services
  }

  get running(): number {
    return this.#running.size
  }

  /** Whether a job for that location is under way. */
  isRunning(backend: string, key: string): boolean {
    return this.#running.has(locationSubject(backend, key))
  }

  /** Looks for due rows soon. Cheap; may be called for every row that is added. */
  nudge(): void {
    if (this.#pumpQueued || this.#closing) return
    this.#pumpQueued = true
    setImmediate(() => {
      this.#pumpQueued = false
      try {
        this.#pump()
      } catch (thrown) {
        this.#holdOff(thrown)
      }
    })
  }

  /** The catalog cannot be read or written: what failed stays as it is, and is looked at again after a while, not at once. */
  #holdOff(thrown: unknown): void {
    if (this.#closing) return
    this.#heldUntil = this.#services.clock.now() + HOLD_OFF
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.nudge(), HOLD_OFF)
    this.#services.fault(toStoredError(thrown))
  }

  /** Takes no more rows, aborts what still runs after `deadline` ms, and waits for it. */
  async stop(deadline: number): Promise<void> {
    this.#closing = true
    this.#ahead = []
    if (this.#timer) clearTimeout(this.#timer)
    const running = [...this.#running.values()]
    const stopped = new StoredError("CLOSED", "The store is closing.", { retryable: true })
    const timer = setTimeout(() => running.forEach((job) => void job.control.abort(stopped)), deadline)
    await Promise.all(running.map((job) => job.done))
    clearTimeout(timer)
    for (const row of this.#overdue) await this.#tellLate(row)
  }

  #pump(): void {
    if (this.#closing || this.#services.clock.now() < this.#heldUntil) return
    while (this.#running.size < this.concurrency) {
      const now = this.#services.clock.now()
      if (this.gate.admit(1, now) === 0) break
      const row = this.#take(now)
      if (!row) break
      this.#start(row)
    }
    this.#sleep()
    if (this.#running.size === 0) this.#services.drained()
  }

  #take(now: number): OutboxRecord | null {
    for (let refilled = false; ; refilled = true) {
      for (let row = this.#ahead.shift(); row; row = this.#ahead.shift()) {
        if (!this.#isRunning(row)) return row
      }
      if (refilled) return null
      // Running rows stand at the head of the index until they are settled; left in, they would run again right after a failure.
      const rows = this.#services.catalog.due(this.queue, { now, limit: READ_AHEAD + this.#running.size })
      this.#ahead = rows.filter((row) => !this.#isRunning(row))
    }
  }

  #isRunning(row: OutboxRecord): boolean {
    return this.#running.has(subjectOf(row.payload))
  }

  #start(row: OutboxRecord): void {
    this.breaker.started()
    this.gate.started(this.#services.clock.now())
    const subject = subjectOf(row.payload)
    const control = new AbortController()
    const done = this.#work(row, control).finally(() => {
      this.#running.delete(subject)
      this.nudge()
    })
    this.#running.set(subject, { row, control, done })
  }

  async #work(row: OutboxRecord, control: AbortController): Promise<void> {
    let error: StoredError | null = null
    let outcome: Outcome
    const attempt: Attempt = { ended: null }
    const began = performance.now()
    try {
      outcome = await this.#attempt(row, control, attempt)
      this.breaker.succeeded()
    } catch (thrown) {
      error = toStoredError(thrown)
      if (this.#closing && control.signal.aborted) return this.#abandon(row, attempt)
      const { clock, policy, random } = this.#services
      outcome = failureOf(row, error, { breaker: this.breaker, policy, now: clock.now(), random })
    }
    this.#services.tried?.(row, error, (performance.now() - began) / 1000)
    try {
      const [commit] = await this.#services.catalog.commitOutcomes([outcome], this.#services.clock.now())
      this.#services.settled(row, outcome, commit!, error)
    } catch (thrown) {
      this.#holdOff(thrown)
    }
    // After its own outcome is committed: whoever tries next begins after this job has ended, or hears of it.
    if (attempt.ended) this.#watch(row, attempt.ended)
  }

  /** Its row waits in the outbox, so that there is nothing to tell before it ends. */
  #abandon(row: OutboxRecord, { ended }: Attempt): void {
    this.breaker.abandoned()
    void ended?.then(() => this.#tellLate(row))
  }

  #watch(row: OutboxRecord, ended: Promise<void>): void {
    this.#overdue.add(row)
    void ended.then(() => this.#tellLate(row))
  }

  /** Has the location looked at again. Checksum jobs write nothing anywhere. */
  async #tellLate(row: OutboxRecord): Promise<void> {
    const { payload } = row
    if (payload.kind !== "sync") return void this.#overdue.delete(row)
    const { backend, key, generation } = payload
    const outcome: Outcome = { kind: "sync", backend, key, generation, result: { type: "late" } }
    try {
      const [commit] = await this.#services.catalog.commitOutcomes([outcome], this.#services.clock.now())
      this.#overdue.delete(row)
      this.#services.settled(row, outcome, commit!, null)
      this.nudge()
    } catch (thrown) {
      // It stays among the overdue, and is told again when the lane stops; then that was the last try.
      if (!this.#closing) return this.#holdOff(thrown)
      const error = toStoredError(thrown)
      // The store is closed. What was told when the lane stopped, or the row itself, has the next start look at the location.
      if (error.code !== "CLOSED") this.#services.fault(error)
    }
  }

  /** One try within its deadline. A job that does not heed its signal loses its slot all the same; `attempt` then tells when it ends. */
  async #attempt(row: OutboxRecord, control: AbortController, attempt: Attempt): Promise<Outcome> {
    const { signal } = control
    const limit = this.#services.deadline(row)
    const late = () => control.abort(new TransientAdapterError(`No end after ${limit} ms.`, { code: "TIMEOUT" }))
    const timer = setTimeout(late, limit)
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    })
    const running = this.#services.run(row, signal)
    const settle = (): void => {
      attempt.ended = null
    }
    attempt.ended = running.then(settle, settle)
    try {
      return await Promise.race([running, aborted])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sleeps until the next row that is not running is due, and the gate opens for it. */
  #sleep(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#running.size >= this.concurrency) return
    const probing = this.breaker.state === "half-open" && this.#running.size > 0
    const next = probing ? undefined : this.#nextRow()
    if (!next) return
    const now = this.#services.clock.now()
    const wakeAt = Math.max(next.dueAt, this.gate.opensAt(1, now))
    // Whoever resumes a paused backend wakes the lane.
    if (!Number.isFinite(wakeAt)) return
    const delay = wakeAt - now
    this.#timer = setTimeout(() => this.nudge(), Math.min(Math.max(delay, 1), LONGEST_SLEEP))
  }

  #nextRow(): OutboxRecord | undefined {
    const limit = this.#running.size + 1
    const rows = this.#services.catalog.due(this.queue, { now: Number.MAX_SAFE_INTEGER, limit })
    return rows.find((row) => !this.#isRunning(row))
  }
}

interface Attempt {
  /** resolves when the job ends, however it does; null once it has */
  ended: Promise<void> | null
}
