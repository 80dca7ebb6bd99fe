/**
 * One queue being worked off by workers: has pointers of due rows sent (`sender.ts`), gives orders to those who claim them, and commits what
 * they tell.
 *
 *   due row --send--> sent --claim--> claimed --result--> committed
 *      ^                |                |
 *      +----------------+----------------+  the transport lost it, and nobody who lives has claimed it
 */
import type { Catalog, Outcome, OutcomeCommit } from "../src/catalog/catalog.ts"
import type { JobPayload, OutboxRecord } from "../src/catalog/record.ts"
import type { Clock } from "../src/core/clock.ts"
import { StoredError, toStoredError } from "../src/core/error.ts"
import type { Breaker } from "./breaker.ts"
import { type Claim, Claims } from "./claims.ts"
import type { ExchangeAnswer, JobOrder, JobPointer, JobResult } from "./exchange.ts"
import { failureOf } from "./failure.ts"
import type { Job } from "./job.ts"
import { deadlineOf, type OrderSources, orderOf } from "./order.ts"
import { outcomeOf } from "./outcome.ts"
import type { RetryPolicy } from "./retry-policy.ts"
import type { Roster } from "./roster.ts"
import type { Line, LineOptions, RunnerEvents } from "./runner.ts"
import { Sender, type Sent } from "./sender.ts"
import { locationSubject, subjectOf } from "./subject.ts"
import type { Transport } from "./transport.ts"

export interface RelayServices extends OrderSources {
  catalog: Pick<Catalog, "due" | "commitOutcomes" | "location" | "object" | "blob">
  transport: Transport
  roster: Roster
  clock: Clock
  policy: RetryPolicy
  events: RunnerEvents
  random(): number
  /** told when nobody works on a queue any more */
  forgotten(queue: string): void
}

export type ResultStatus = ExchangeAnswer["results"][number]["status"]

/** ms in which a worker tells of a job whose deadline is over */
const TIME_TO_TELL = 60_000

export class Relay implements Line {
  readonly queue: string
  readonly breaker: Breaker
  readonly #services: RelayServices
  readonly #sender: Sender
  readonly #claims = new Claims()
  #closing = false
  #quieted: (() => void) | null = null

  constructor({ queue, concurrency, breaker, drained }: LineOptions, services: RelayServices) {
    this.queue = queue
    this.breaker = breaker
    this.#services = services
    const { catalog, clock, events, transport } = services
    this.#sender = new Sender({
      queue,
      concurrency,
      breaker,
      catalog,
      transport,
      clock,
      isHeld: (claim) => this.#isHeld(claim),
      released: (sent) => this.#release(sent),
      paused: () => this.#claims.size === 0 && drained(),
      disturbed: (error) => events.disturbed(queue, error),
    })
  }

  get running(): number {
    return this.#claims.size
  }

  isRunning(backend: string, key: string): boolean {
    return this.#sender.get(locationSubject(backend, key))?.claim != null
  }

  nudge(): void {
    this.#sender.nudge()
  }

  /**
   * The whole job for whoever claims a pointer, or null where there is nothing to do: it is done already, somebody who lives has claimed it under
   * another parcel, or the backend rests. @throws StoredError where the catalog cannot tell
   */
  async claim(jobId: string, pointer: JobPointer, worker: string): Promise<JobOrder | null> {
    const { clock, events } = this.#services
    const sent = this.#sender.get(subjectOf(pointer))
    if (this.#closing || !sent) return null
    // The same parcel given out again means that the transport has taken it from whoever had it.
    if (sent.claim && sent.claim.jobId !== jobId && this.#isHeld(sent.claim)) return null
    this.#release(sent)
    if (this.breaker.admit(1, clock.now()) === 0) {
      this.#end(sent)
      return null
    }
    const order = orderOf(sent.row.payload, this.#services)
    if ("outcome" in order) {
      await this.#commit(sent.row, order.outcome, null)
      this.#end(sent)
      return null
    }
    const { job } = order
    this.breaker.started()
    const deadline = deadlineOf(sent.row.payload, this.#services)
    sent.claim = this.#claims.add({ jobId, worker, job, until: clock.now() + deadline + TIME_TO_TELL })
    if (job.kind === "sync") events.started(job)
    return { claim: sent.claim.number, job, deadline }
  }

  /**
   * Commits what became of a claimed job. Resolves once it is durable, or known to change nothing.
   * @throws StoredError of the commit; then it is to be told again
   */
  async result(number: string, pointer: JobPointer, result: JobResult): Promise<ResultStatus> {
    const sent = this.#sender.get(subjectOf(pointer))
    const claimed = sent?.claim?.number === number ? sent : null
    if (result.type === "failed") return claimed ? this.#failed(claimed, result.error) : "ignored"
    const outcome = result.type === "returned" ? null : outcomeOf(pointer, result)
    if (!outcome) {
      if (claimed) this.#giveBack(claimed)
      return "ignored"
    }
    // Whoever lost the claim may still have proof to give, or a warning; the generation says whether it counts.
    const { status } = await this.#commit({ payload: payloadOf(pointer), queue: this.queue }, outcome, null)
    if (claimed) {
      if (result.type === "late") this.breaker.abandoned()
      else this.breaker.succeeded()
      this.#end(claimed)
    } else if (sent && !sent.claim) this.#end(sent)
    this.nudge()
    return status
  }

  /** Asks the transport now for what has been out for a while; it does so by itself every few seconds. */
  look(): Promise<void> {
    return this.#sender.look()
  }

  /** Sends nothing more; what runs may end and tell for at most `deadline` ms, and is looked at again where it does not. */
  async stop(deadline: number): Promise<void> {
    this.#sender.stop()
    if (this.#claims.size > 0) await this.#quiet(deadline)
    this.#closing = true
    for (const { job } of this.#claims.list()) {
      if (job.kind !== "sync") continue
      const { backend, key, generation } = job
      const late: Outcome = { kind: "sync", backend, key, generation, result: { type: "late" } }
      // What cannot be kept is told; the row itself has the next start look at the location.
      await this.#commit({ payload: payloadOf(job), queue: this.queue }, late, null).catch(() => {})
    }
  }

  /** What is out is sent anew when the queue is opened again. */
  forget(): void {
    const { events, forgotten, transport } = this.#services
    forgotten(this.queue)
    if (!transport.isReady) return
    transport.forget(this.queue).catch((thrown: unknown) => events.disturbed(this.queue, toStoredError(thrown)))
  }

  /** Resolves when no claim is left, or when the time is over. */
  async #quiet(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#quieted = resolve
      timer = setTimeout(resolve, deadline)
    })
    clearTimeout(timer)
  }

  async #failed(sent: Sent, told: Extract<JobResult, { type: "failed" }>["error"]): Promise<ResultStatus> {
    const { clock, policy, random } = this.#services
    const { code, message, retryable, details } = told
    const error = new StoredError(code, message, { retryable, ...(details && { details }) })
    const payload = payloadOf(sent.claim!.job)
    const context = { breaker: this.breaker, policy, now: clock.now(), random }
    const outcome = failureOf({ payload, attempts: sent.row.attempts }, error, context)
    const { status } = await this.#commit({ payload, queue: this.queue }, outcome, error)
    this.#end(sent)
    this.nudge()
    return status
  }

  async #commit(
    row: Pick<OutboxRecord, "queue" | "payload">,
    outcome: Outcome,
    error: StoredError | null,
  ): Promise<OutcomeCommit> {
    const { catalog, clock, events } = this.#services
    try {
      const [commit] = await catalog.commitOutcomes([outcome], clock.now())
      events.settled(row, outcome, commit!, error)
      return commit!
    } catch (thrown) {
      events.fault(toStoredError(thrown))
      throw thrown
    }
  }

  /** Whoever lives and may still tell keeps its claim. */
  #isHeld({ worker, until }: Claim): boolean {
    return this.#services.roster.isAlive(worker) && this.#services.clock.now() < until
  }

  #giveBack(sent: Sent): void {
    this.breaker.abandoned()
    this.#end(sent)
    this.nudge()
  }

  #release(sent: Sent): void {
    if (!sent.claim) return
    this.breaker.abandoned()
    this.#unclaim(sent)
  }

  /** The row is out no more, and its claim, where it has one, is over. */
  #end(sent: Sent): void {
    this.#unclaim(sent)
    this.#sender.forget(sent)
  }

  #unclaim(sent: Sent): void {
    if (sent.claim) this.#claims.remove(sent.claim)
    sent.claim = null
    if (this.#claims.size === 0) this.#quieted?.()
  }
}

function payloadOf(job: JobPointer | Job): JobPayload {
  if (job.kind === "checksum") return { kind: "checksum", id: job.id }
  const { kind, backend, key, generation } = job
  return { kind, backend, key, generation }
}
