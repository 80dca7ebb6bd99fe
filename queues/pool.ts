/** The pool shape, the server's part: a relay for each queue, and the desk at which workers claim jobs and tell what became of them. */
import { hash, randomBytes } from "node:crypto"
import { StoredError, toStoredError } from "../src/core/error.ts"
import type { Tracer } from "../src/tracing/tracer.ts"
import type {
  Exchange,
  ExchangeAnswer,
  ExchangeOptions,
  JobPointer,
  JobResult,
  WorkerConfiguration,
  WorkerDesk,
} from "./exchange.ts"
import { EXCHANGE_VERSION } from "./exchange.ts"
import { CHECKSUM_QUEUE, type Job, syncQueue } from "./job.ts"
import { outcomeOf } from "./outcome.ts"
import { PACE, type Pace } from "./pace.ts"
import { Relay, type RelayServices } from "./relay.ts"
import { Roster, type SeenWorker } from "./roster.ts"
import type { LineOptions } from "./runner.ts"
import { causeOf } from "./traced-job.ts"

export interface PoolOptions extends Omit<RelayServices, "forgotten" | "pace" | "roster"> {
  /** absent: as `PACE` has it */
  pace?: Partial<Pace>
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  /** what workers have to know, but for the revision */
  configuration(): Omit<WorkerConfiguration, "version" | "revision">
}

type Told = ExchangeAnswer["results"][number]

export class Pool implements WorkerDesk {
  readonly #options: PoolOptions
  readonly #relays = new Map<string, Relay>()
  readonly #roster: Roster
  readonly #pace: Pace
  readonly #life = randomBytes(6).toString("base64url")
  #revision = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#pace = { ...PACE, ...options.pace }
    this.#roster = new Roster(options.clock, this.#pace.lease)
  }

  /** A line for `Runner` whose jobs are run by workers. */
  openLine(options: LineOptions): Relay {
    const forgotten = (queue: string): void => {
      this.#relays.delete(queue)
      this.#revision += 1
    }
    const relay = new Relay(options, { ...this.#options, pace: this.#pace, roster: this.#roster, forgotten })
    this.#relays.set(options.queue, relay)
    this.#revision += 1
    return relay
  }

  /** The workers that were heard of lately, the silent ones too. */
  workers(): SeenWorker[] {
    return this.#roster.list()
  }

  /** Whether there is a connection to what carries the jobs. */
  get isConnected(): boolean {
    return this.#options.transport.isReady
  }

  configuration(): WorkerConfiguration {
    return { version: EXCHANGE_VERSION, revision: this.#revisionText(), ...this.#options.configuration() }
  }

  async exchange(
    { now, worker, claims, results }: Exchange,
    link?: AbortSignal,
    options: ExchangeOptions = {},
  ): Promise<ExchangeAnswer> {
    if (this.#closed)
      throw new StoredError("CLOSED", "The store is closing; tell it again in a moment.", { retryable: true })
    this.#roster.see(worker, link)
    // Results first: what they end may be claimed again in the same message.
    const ahead = now - this.#options.clock.now()
    const told = await Promise.all(results.map((each) => this.#result({ ...each, result: onTime(each.result, ahead) })))
    const orders = await Promise.all(claims.map((each) => this.#claim(each, worker.id, options)))
    // A result that could not be committed has no answer, and is told again; it must not hold up those beside it.
    const answered = told.filter((each) => each !== null)
    return { version: EXCHANGE_VERSION, revision: this.#revisionText(), claims: orders, results: answered }
  }

  /** No more messages are taken; the relays are stopped by the runner. */
  close(): void {
    this.#closed = true
  }

  async #result({ ref, claim, pointer, result }: Exchange["results"][number]): Promise<Told | null> {
    try {
      const relay = this.#relayOf(pointer)
      return { ref, status: await (relay ? relay.result(claim, pointer, result) : this.#unrouted(pointer, result)) }
    } catch (thrown) {
      this.#options.events.fault(toStoredError(thrown))
      return null
    }
  }

  /** The backend is going, or gone; where it stays after all, what was written to it counts. */
  async #unrouted(pointer: JobPointer, result: JobResult): Promise<Told["status"]> {
    const { catalog, clock } = this.#options
    const outcome = outcomeOf(pointer, result)
    const [commit] = outcome ? await catalog.commitOutcomes([outcome], clock.now()) : []
    return commit?.status ?? "gone"
  }

  async #claim(
    { ref, jobId, pointer }: Exchange["claims"][number],
    worker: string,
    { traces = false, twins = false }: ExchangeOptions,
  ) {
    try {
      const answer = (await this.#relayOf(pointer)?.claim(jobId, pointer, worker)) ?? null
      if (answer && "wait" in answer) return { ref, order: null, wait: answer.wait }
      const order = answer && !twins ? { ...answer, job: withoutTwin(answer.job) } : answer
      const trace = order && traces ? causeOf(this.#options.tracer, order.job) : null
      return { ref, order: order && trace !== null ? { ...order, trace } : order }
    } catch (thrown) {
      // The row is still due: it is sent again once the transport has put this parcel away.
      this.#options.events.fault(toStoredError(thrown))
      return { ref, order: null }
    }
  }

  #relayOf(pointer: JobPointer): Relay | undefined {
    return this.#relays.get(pointer.kind === "sync" ? syncQueue(pointer.backend) : CHECKSUM_QUEUE)
  }

  /** Changes with the backends too: one that goes is left out before its queue is forgotten, or after; and with what they are found to be able to do. */
  #revisionText(): string {
    const known = this.#options.configuration().backends.map(({ name, abilities }) => [name, abilities])
    return `${this.#life}-${this.#revision}-${hash("sha256", JSON.stringify(known), "hex").slice(0, 12)}`
  }
}

function withoutTwin(job: Job): Job {
  if (job.kind !== "sync") return job
  const { twin: _, ...rest } = job
  return rest
}

/** A proof with its time on the server's clock. @param ahead ms that the worker's clock is */
function onTime(result: JobResult, ahead: number): JobResult {
  if (result.type !== "synced") return result
  return { ...result, verified: { ...result.verified, at: Math.round(result.verified.at - ahead) } }
}
