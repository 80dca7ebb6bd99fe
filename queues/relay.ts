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
import { Deaths, givenUp } from "./deaths.ts"
import type { ClaimAnswer, ExchangeAnswer, JobOrder, JobPointer, JobResult } from "./exchange.ts"
import { failureOf } from "./failure.ts"
import type { Gate } from "./gate.ts"
import type { Job } from "./job.ts"
import { LostClaims } from "./lost-claims.ts"
import { deadlineOf, type OrderSources, orderOf } from "./order.ts"
import { outcomeOf } from "./outcome.ts"
import type { Pace } from "./pace.ts"
import { payloadOf } from "./parcel.ts"
import { Quiet } from "./quiet.ts"
import type { RetryPolicy } from "./retry-policy.ts"
import type { Roster } from "./roster.ts"
import type { Line, LineOptions, RunnerEvents } from "./runner.ts"
import { Sender, type Sent } from "./sender.ts"
import { Slots } from "./slots.ts"
import { locationSubject, subjectOf } from "./subject.ts"
import type { Transport } from "./transport.ts"

export interface RelayServices extends OrderSources {
  catalog: Pick<Catalog, "due" | "commitOutcomes"> & OrderSources["catalog"]
  transport: Transport
  roster: Roster
  pace: Pace
  clock: Clock
  policy: RetryPolicy
  events: RunnerEvents
  random(): number
  /** told when a queue is left */
  forgotten(queue: string): void
}

export type ResultStatus = ExchangeAnswer["results"][number]["status"]

/** ms in which a worker tells of a job whose deadline is over */
const TIME_TO_TELL = 60_000

export class Relay implements Line {
  readonly queue: string
  readonly breaker: Breaker
  readonly gate: Gate
  readonly #services: RelayServices
  readonly #sender: Sender
  readonly #claims = new Claims()
  readonly #slots: Slots
  readonly #lost = new LostClaims()
  readonly #deaths = new Deaths()
  readonly #looking: NodeJS.Timeout
  readonly #drained: () => void
  #closing = false
  readonly #quiet = new Quiet()

  constructor({ queue, backend, concurrency, breaker, gate, drained }: LineOptions, services: RelayServices) {
    this.queue = queue
    this.breaker = breaker
    this.gate = gate
    this.#services = services
    this.#drained = drained
    this.#looking = setInterval(() => void this.look(), services.pace.lookEvery)
    this.#looking.unref()
    // Side checksums are the workers' own business: each takes as many as it has threads for.
    const most = backend === null ? Number.POSITIVE_INFINITY : concurrency
    this.#slots = new Slots(most, (worker) => services.roster.isPresent(worker))
    const { catalog, clock, events, pace, transport } = services
    this.#sender = new Sender({
      queue,
      breaker,
      gate,
      catalog,
      transport,
      clock,
      askAfter: pace.askAfter,
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
   * another parcel, or the backend rests or is paused, or has had its jobs for now. Where as many run as may run at a time, ms after which to ask
   * again: the parcel stays where it is. @throws StoredError where the catalog cannot tell
   */
  async claim(jobId: string, pointer: JobPointer, worker: string): Promise<ClaimAnswer> {
    const sent = this.#sender.get(subjectOf(pointer))
    if (this.#closing || !sent) return null
    // The same parcel given out again means that the transport has taken it from whoever had it.
    if (sent.claim && sent.claim.jobId !== jobId && this.#isHeld(sent.claim)) return null
    this.#release(sent)
    const wait = this.#slots.waitOf(jobId, this.#claims.list())
    if (wait !== null) return { wait }
    return this.#slots.begin(() => this.#begin(sent, jobId, worker))
  }

  async #begin(sent: Sent, jobId: string, worker: string): Promise<JobOrder | null> {
    const { clock, events } = this.#services
    if (this.gate.admit(1, clock.now()) === 0) return this.#nothing(sent)
    // Before anything is waited for: others claim in the same message.
    this.gate.started(clock.now())
    const order = await this.#order(sent)
    if (!order) return this.#nothing(sent)
    this.breaker.started()
    const deadline = deadlineOf(sent.row.payload, this.#services)
    sent.claim = this.#claims.add({ jobId, worker, job: order, until: clock.now() + deadline + TIME_TO_TELL })
    if (order.kind === "sync") events.started(order)
    return { claim: sent.claim.number, job: order, deadline }
  }

  /**
   * Commits what became of a claimed job. Resolves once it is durable, or known to change nothing.
   * @throws StoredError of the commit; then it is to be told again
   */
  async result(number: string, pointer: JobPointer, result: JobResult): Promise<ResultStatus> {
    const sent = this.#sender.get(subjectOf(pointer))
    const claimed = sent?.claim?.number === number ? sent : null
    if (claimed) this.#deaths.survived(subjectOf(pointer))
    if (claimed && result.type === "failed") return this.#failed(claimed, result.error)
    if (claimed && result.type === "returned") {
      this.#giveBack(claimed)
      return "ignored"
    }
    const outcome = outcomeOf(pointer, result)
    if (!outcome) {
      if (claimed) this.#giveBack(claimed)
      return "ignored"
    }
    // Whoever lost the claim may still have proof to give, or may have written or deleted: the catalog tells by the generation.
    const { status } = await this.#commit({ payload: payloadOf(pointer), queue: this.queue }, outcome, null)
    this.#lost.found(number)
    if (claimed) {
      if (result.type === "late") this.breaker.abandoned()
      else this.breaker.succeeded()
      this.#end(claimed)
    } else if (sent && !sent.claim) this.#end(sent)
    this.nudge()
    return status
  }

  /** Looks now for what was lost on the way; it does so by itself every few seconds. */
  async look(): Promise<void> {
    this.#slots.recount()
    await this.#tellLost((claim) => !this.#isHeld(claim))
    await this.#sender.look()
  }

  /** Sends nothing more. Workers outlive the server: what they tell later is judged by its generation. */
  async stop(): Promise<void> {
    this.#closing = true
    clearInterval(this.#looking)
    this.#sender.stop()
  }

  /**
   * Its backend goes: what runs may end and tell for at most `deadline` ms, and is looked at again where it does not, for the case that the
   * backend stays after all. What is out is sent anew then.
   */
  async leave(deadline: number): Promise<void> {
    await this.stop()
    if (this.#claims.size > 0) await this.#quiet.wait(deadline)
    for (const claim of this.#claims.list()) this.#lost.add(claim)
    await this.#tellLost(() => true)
    const { events, forgotten, transport } = this.#services
    forgotten(this.queue)
    if (!transport.isReady) return
    transport.forget(this.queue).catch((thrown: unknown) => events.disturbed(this.queue, toStoredError(thrown)))
  }

  /** What is to be done now; null where nothing is, or where that cannot be told now. */
  async #order(sent: Sent): Promise<Job | null> {
    const { payload } = sent.row
    const verdict = this.#deaths.verdict(subjectOf(payload))
    if (verdict) {
      await this.#commit(sent.row, givenUp(payload, verdict), verdict)
      return null
    }
    try {
      const order = orderOf(payload, this.#services)
      if ("job" in order) return order.job
      await this.#commit(sent.row, order.outcome, null)
    } catch (thrown) {
      const error = toStoredError(thrown)
      await this.#commit(sent.row, this.#failureOf(payload, sent.row.attempts, error), error)
    }
    return null
  }

  #nothing(sent: Sent): null {
    this.#end(sent)
    this.nudge()
    return null
  }

  #tellLost(isOver: (claim: Claim) => boolean): Promise<void> {
    return this.#lost.tell(isOver, (job, late) =>
      this.#commit({ payload: payloadOf(job), queue: this.queue }, late, null),
    )
  }

  async #failed(sent: Sent, told: Extract<JobResult, { type: "failed" }>["error"]): Promise<ResultStatus> {
    const { code, message, retryable, details } = told
    const error = new StoredError(code, message, { retryable, ...(details && { details }) })
    const claim = sent.claim!
    const payload = payloadOf(claim.job)
    // Told twice, because the first answer was late, it counts once.
    this.#unclaim(sent)
    try {
      const outcome = this.#failureOf(payload, sent.row.attempts, error)
      const { status } = await this.#commit({ payload, queue: this.queue }, outcome, error)
      this.#end(sent)
      return status
    } catch (thrown) {
      if (!sent.claim) sent.claim = this.#claims.restore(claim)
      throw thrown
    } finally {
      this.nudge()
    }
  }

  #failureOf(payload: JobPayload, attempts: number, error: StoredError): Outcome {
    const { clock, policy, random } = this.#services
    return failureOf({ payload, attempts }, error, { breaker: this.breaker, policy, now: clock.now(), random })
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
    this.#lost.add(sent.claim)
    this.#deaths.add(subjectOf(sent.row.payload))
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
    if (this.#claims.size > 0) return
    this.#quiet.reached()
    this.#drained()
  }
}
