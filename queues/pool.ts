/** The pool shape, the server's part: a relay for each queue, and the desk at which workers claim jobs and tell what became of them. */
import { randomBytes } from "node:crypto"
import { StoredError } from "../src/core/error.ts"
import type { Exchange, ExchangeAnswer, JobPointer, WorkerConfiguration, WorkerDesk } from "./exchange.ts"
import { EXCHANGE_VERSION } from "./exchange.ts"
import { CHECKSUM_QUEUE, syncQueue } from "./job.ts"
import { Relay, type RelayServices } from "./relay.ts"
import { Roster, type SeenWorker } from "./roster.ts"
import type { LineOptions } from "./runner.ts"

export interface PoolOptions extends Omit<RelayServices, "forgotten" | "roster"> {
  /** what workers have to know, but for the revision */
  configuration(): Omit<WorkerConfiguration, "version" | "revision">
}

export class Pool implements WorkerDesk {
  readonly #options: PoolOptions
  readonly #relays = new Map<string, Relay>()
  readonly #roster: Roster
  readonly #life = randomBytes(6).toString("base64url")
  #revision = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#roster = new Roster(options.clock)
  }

  /** A line for `Runner` whose jobs are run by workers. */
  openLine(options: LineOptions): Relay {
    const forgotten = (queue: string): void => {
      this.#relays.delete(queue)
      this.#revision += 1
    }
    const relay = new Relay(options, { ...this.#options, roster: this.#roster, forgotten })
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

  async exchange({ worker, claims, results }: Exchange): Promise<ExchangeAnswer> {
    if (this.#closed)
      throw new StoredError("CLOSED", "The store is closing; tell it again in a moment.", { retryable: true })
    this.#roster.see(worker)
    // Results first: what they end may be claimed again in the same message.
    const told = await Promise.all(
      results.map(async ({ ref, claim, pointer, result }) => {
        const relay = this.#relayOf(pointer)
        return { ref, status: relay ? await relay.result(claim, pointer, result) : ("gone" as const) }
      }),
    )
    const orders = await Promise.all(
      claims.map(async ({ ref, jobId, pointer }) => {
        const order = (await this.#relayOf(pointer)?.claim(jobId, pointer, worker.id)) ?? null
        return { ref, order }
      }),
    )
    return { version: EXCHANGE_VERSION, revision: this.#revisionText(), claims: orders, results: told }
  }

  /** No more messages are taken; the relays are stopped by the runner. */
  close(): void {
    this.#closed = true
  }

  #relayOf(pointer: JobPointer): Relay | undefined {
    return this.#relays.get(pointer.kind === "sync" ? syncQueue(pointer.backend) : CHECKSUM_QUEUE)
  }

  #revisionText(): string {
    return `${this.#life}-${this.#revision}`
  }
}
