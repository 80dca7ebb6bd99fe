/**
 * The worker's side of the exchange (`queues/exchange.ts`). Claims and results gather while one message is under way and go together in the next one; when
 * there is nothing to say, an empty message every few seconds says that the worker is alive. A server that is down is waited out: what was to be said is
 * said again, until its own patience ends. Said twice does no harm, the server knows each claim by its number.
 */
import {
  type ClaimAnswer,
  EXCHANGE_VERSION,
  type Exchange,
  type ExchangeAnswer,
  type JobPointer,
  type JobResult,
  type WorkerInfo,
} from "../queues/exchange.ts"
import { StoredError, TransientAdapterError, toStoredError } from "../src/core/error.ts"
import type { Log } from "../src/store/log.ts"
import { within } from "../src/store/within.ts"
import { type Backoff, DEFAULT_BACKOFF, pauseAfter } from "./backoff.ts"
import { type ExchangeReply, readOrder, readReply } from "./exchange-reply.ts"
import { failedResult } from "./job-result.ts"
import { Outbound, type Said } from "./outbound.ts"

export interface ExchangeClientOptions {
  /** Carries one message, within a deadline of its own. */
  send(message: Exchange, signal: AbortSignal): Promise<unknown>
  /** what the worker says about itself, asked for each message */
  worker(): WorkerInfo
  /** told when the server's configuration is another one */
  onRevision(revision: string): void
  log: Log
  /** ms between messages when there is nothing to say */
  heartbeat?: number
  /** ms that a claim or a result waits for its answer; a late one waits on */
  patience?: number
  backoff?: Backoff
}

type Status = ExchangeAnswer["results"][number]["status"]
interface Claim {
  jobId: string
  pointer: JobPointer
}
interface Result {
  claim: string
  pointer: JobPointer
  result: JobResult
}
interface Batch {
  claims: Said<Claim, ClaimAnswer>[]
  results: Said<Result, Status>[]
}

const HEARTBEAT = 5_000
const PATIENCE = 300_000
/** Bytes of claims, and of results, in one message: both together stay below what the server takes. */
const MAX_BYTES = 2 ** 20

export class ExchangeClient {
  readonly #options: ExchangeClientOptions
  readonly #claims: Outbound<Claim, ClaimAnswer>
  readonly #results: Outbound<Result, Status>
  readonly #end = new AbortController()
  #revision: string | null = null
  #failures = 0
  #running: Promise<void> | null = null
  #wake: (() => void) | null = null
  #nudged = false
  #isClosing = false
  /** resolves once a message that began while closing was answered, and nothing is left to say */
  readonly #quiet = Promise.withResolvers<void>()

  constructor(options: ExchangeClientOptions) {
    this.#options = options
    const { patience = PATIENCE } = options
    this.#claims = new Outbound({ patience, added: () => this.nudge() })
    this.#results = new Outbound({ patience, added: () => this.nudge() })
  }

  /** @param revision of the configuration that the worker has */
  start(revision: string): void {
    this.#revision = revision
    this.#running ??= this.#run()
  }

  /**
   * Asks for the order of a job; null where there is nothing to do, `wait` where it may not begin yet and is to be claimed again. An order that comes after `signal` has fired is handed back.
   * @throws StoredError ABORTED, CLOSED, INVALID_INPUT (the server does not understand this worker), BACKEND_UNAVAILABLE (retryable, patience has ended),
   * INTERNAL (retryable, no order that can be carried out)
   */
  claim(jobId: string, pointer: JobPointer, signal: AbortSignal): Promise<ClaimAnswer> {
    return this.#claims.say({ jobId, pointer }, { signal })
  }

  /**
   * Says what became of a claim; resolves once the server has kept it. That a job ended late is said until it is heard, however long that takes: nobody else
   * will ever look at what it may have written. There are no more of these than jobs that ran when the server went away. @throws StoredError as `claim`
   */
  report(claim: string, pointer: JobPointer, result: JobResult): Promise<Status> {
    return this.#results.say({ claim, pointer, result }, result.type === "late" ? { patience: null } : {})
  }

  /** Sends a message soon, even an empty one. */
  nudge(): void {
    this.#nudged = true
    this.#wake?.()
  }

  /** Waits at most `deadline` ms until everything is said, says once more how the worker is, and ends. What is left fails with CLOSED. */
  async close(deadline: number): Promise<void> {
    const { log } = this.#options
    this.#isClosing = true
    this.nudge()
    if (this.#running) {
      const isSaid = await within(deadline, this.#quiet.promise, () => {})
      if (!isSaid) log.warn({ claims: this.#claims.size, results: this.#results.size }, "the server was not told all")
    }
    const closed = new StoredError("CLOSED", "The worker is closing.", { retryable: true })
    this.#claims.close(closed)
    this.#results.close(closed)
    this.#end.abort(closed)
    this.#wake?.()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.#due()
      if (this.#end.signal.aborted) return
      const batch = { claims: this.#claims.take(MAX_BYTES), results: this.#results.take(MAX_BYTES) }
      this.#nudged = this.#claims.hasMore || this.#results.hasMore
      try {
        await this.#deliver(batch)
      } catch (error) {
        this.#fail(batch, toStoredError(error))
      }
    }
  }

  /** Resolves when the next message is due: at once where there is something to say, after a pause where the last one failed. */
  async #due(): Promise<void> {
    // What comes in the same turn goes together.
    await new Promise((resolve) => setImmediate(resolve))
    const { heartbeat = HEARTBEAT, backoff = DEFAULT_BACKOFF } = this.#options
    const hasFailed = this.#failures > 0
    if (this.#end.signal.aborted || (this.#nudged && !hasFailed)) return
    const delay = hasFailed ? pauseAfter(this.#failures, backoff, Math.random()) : heartbeat
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, delay)
      function done(): void {
        clearTimeout(timer)
        resolve()
      }
      this.#wake = () => {
        if (this.#end.signal.aborted || !hasFailed) done()
      }
    })
    this.#wake = null
  }

  async #deliver(batch: Batch): Promise<void> {
    const isLast = this.#isClosing
    let ref = 0
    const claims = batch.claims.map((said) => ({ ...said.body, ref: ref++ }))
    const results = batch.results.map((said) => ({ ...said.body, ref: ref++ }))
    const message: Exchange = {
      version: EXCHANGE_VERSION,
      now: Date.now(),
      worker: this.#options.worker(),
      claims,
      results,
    }
    const reply = readReply(await this.#options.send(message, this.#end.signal))
    const unanswered = this.#settle(batch, reply)
    if (this.#revision !== reply.revision) {
      this.#revision = reply.revision
      this.#options.onRevision(reply.revision)
    }
    if (unanswered > 0) {
      this.#noteFailure(new TransientAdapterError("The server left a part of the message unanswered."), unanswered)
      return
    }
    if (this.#failures > 0) this.#options.log.info({ failures: this.#failures }, "the server answers again")
    this.#failures = 0
    if (isLast && this.#claims.size + this.#results.size === 0) this.#quiet.resolve()
  }

  /** Returns how many were left without an answer; they are said again. */
  #settle({ claims, results }: Batch, reply: ExchangeReply): number {
    const orders = new Map(reply.claims.map(({ ref, ...given }) => [ref, given]))
    const statuses = new Map(reply.results.map(({ ref, status }) => [ref, status]))
    const unanswered = claims.filter((_, ref) => !orders.has(ref))
    const unheard = results.filter((_, index) => !statuses.has(claims.length + index))
    this.#claims.putBack(unanswered)
    this.#results.putBack(unheard)
    for (const [ref, said] of claims.entries()) {
      const given = orders.get(ref)
      if (given) this.#ordered(said, given)
    }
    for (const [index, said] of results.entries()) {
      const status = statuses.get(claims.length + index)
      if (status) said.answer(status)
    }
    return unanswered.length + unheard.length
  }

  #ordered(said: Said<Claim, ClaimAnswer>, given: Omit<ExchangeReply["claims"][number], "ref">): void {
    const { wait } = given
    if (given.order === null) {
      said.answer(wait === undefined ? null : { wait })
      return
    }
    const { pointer } = said.body
    const { order, claim } = readOrder(given.order, pointer)
    if (!order) {
      const fault = new StoredError("INTERNAL", "The server's order cannot be carried out; are both of one version?", {
        retryable: true,
      })
      // Told, so that it is counted and seen: nobody else can carry it out either.
      if (claim !== null) this.#tell({ claim, pointer, result: failedResult(fault) })
      said.fail(fault)
    } else if (said.isOver) {
      this.#tell({ claim: order.claim, pointer, result: { type: "returned" } })
    } else {
      said.answer(order)
    }
  }

  /** Says something that nobody waits for. */
  #tell(result: Result): void {
    if (this.#end.signal.aborted) return
    this.#results.say(result).catch((error: unknown) => {
      this.#options.log.warn(
        { claim: result.claim, error: toStoredError(error).toJSON() },
        "a claim was not handed back",
      )
    })
  }

  /** A pause comes before the next message. */
  #noteFailure(error: StoredError, unsaid: number): void {
    const facts = { error: error.toJSON(), unsaid }
    if (this.#failures === 0) this.#options.log.warn(facts, "the server cannot be told now; it is tried again")
    else this.#options.log.debug(facts, "the server still cannot be told")
    this.#failures += 1
  }

  #fail({ claims, results }: Batch, error: StoredError): void {
    if (this.#end.signal.aborted) {
      for (const said of [...claims, ...results]) said.fail(error)
      return
    }
    this.#noteFailure(error, claims.length + results.length)
    if (error.retryable) {
      this.#claims.putBack(claims)
      this.#results.putBack(results)
      return
    }
    // The message itself was refused: said again it would be refused again.
    for (const said of [...claims, ...results]) said.fail(error)
  }
}
