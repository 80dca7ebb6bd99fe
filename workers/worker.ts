/**
 * The working parts of a worker process, without the process: follows the server's configuration, has a station for each queue that it can work for, and
 * tells the server what comes of the jobs. It owns nothing that must survive it.
 *
 * Backends that cannot be opened are left out and tried again. When the server's configuration changes, stations that are no longer wanted as they
 * are end in order, and new ones take their places.
 */
import { randomBytes } from "node:crypto"
import { hostname } from "node:os"
import {
  type JobPointer,
  type WorkerConfiguration,
  type WorkerInfo,
  workerConfigurationSchema,
} from "../queues/exchange.ts"
import { CHECKSUM_QUEUE, type Job, syncQueue } from "../queues/job.ts"
import type { PayloadReader } from "../queues/payload-reader.ts"
import type { IntakeOpener } from "../queues/transport.ts"
import type { ChecksumPool } from "../src/checksums/pool.ts"
import type { HasherFactory } from "../src/core/checksum.ts"
import type { Endpoints } from "../src/core/endpoints.ts"
import { StoredError, TransientAdapterError, toStoredError } from "../src/core/error.ts"
import { type Meter, NO_METER } from "../src/metrics/meter.ts"
import type { Log } from "../src/store/log.ts"
import { within } from "../src/store/within.ts"
import type { Tracer } from "../src/tracing/tracer.ts"
import { type Backoff, DEFAULT_BACKOFF, pause } from "./backoff.ts"
import { ExchangeClient, type ExchangeClientOptions } from "./exchange-client.ts"
import { createHandlers, type Handlers } from "./handlers.ts"
import { JobRunner } from "./job-runner.ts"
import { openBackend } from "./open-backend.ts"
import type { ServerClient } from "./server-client.ts"
import { StagedContent } from "./staged-content.ts"
import { Station, type StationOptions } from "./station.ts"

export interface WorkerOptions {
  server: ServerClient
  /** @param prefix of every key, as the server says it */
  openIntakes(prefix: string): IntakeOpener
  kinds: readonly Job["kind"][]
  /** works for these only; null: for all that it can open */
  backends: readonly string[] | null
  /** jobs of one queue at a time; null: as many as the backend takes */
  concurrency: number | null
  pool: ChecksumPool
  hashers: HasherFactory
  /** where on the network backends may be; absent: anywhere but at link-local and metadata addresses */
  endpoints?: Endpoints
  log: Log
  /** absent: nobody counts */
  meter?: Meter
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  /** ms that running jobs have to end when the worker stops */
  grace: number
  /** ms between two tries to open what could not be opened */
  retryEvery?: number
  /** ms that a handler that was cut off has to end */
  moment?: number
  exchange?: Pick<ExchangeClientOptions, "heartbeat" | "patience">
  backoff?: Backoff
  /** absent: the versions of pointers that this program knows */
  readPointer?: PayloadReader<JobPointer>
  /** told of the queues that are worked for, whenever they have changed */
  onQueues?(queues: string[]): void
}

const CHECKSUM_CONCURRENCY = 4
const RETRY_EVERY = 15_000
/** ms that a part may take to close */
const LET_GO = 5_000

type BackendSettings = WorkerConfiguration["backends"][number]

export class Worker {
  readonly #options: WorkerOptions
  readonly #exchange: ExchangeClient
  readonly #runner: JobRunner
  readonly #staged: StagedContent
  readonly #handlers: Handlers
  readonly #stopping = new AbortController()
  readonly #stations = new Map<string, { station: Station; settings: string }>()
  readonly #identity = { id: randomBytes(9).toString("base64url"), host: hostname().slice(0, 256), pid: process.pid }
  readonly #started = Date.now()
  /** what could not be opened, by its queue, so that each reason is logged once */
  readonly #closed = new Map<string, string>()
  #intakes: { prefix: string; opener: IntakeOpener } | null = null
  #following: Promise<void> | null = null
  #followAgain = false
  #retry: NodeJS.Timeout | null = null
  #stopped: Promise<void> | null = null

  constructor(options: WorkerOptions) {
    this.#options = options
    const { server, log, pool, hashers, moment, exchange, backoff, tracer = null, meter = NO_METER } = options
    this.#staged = new StagedContent(server)
    this.#handlers = createHandlers({ server, staged: this.#staged, pool, hashers, meter })
    this.#exchange = new ExchangeClient({
      send: (message, signal) => server.exchange(message, signal),
      worker: () => this.#info(),
      onRevision: () => this.#follow(),
      log,
      ...exchange,
      ...(backoff && { backoff }),
    })
    this.#runner = new JobRunner({
      exchange: this.#exchange,
      log,
      meter,
      tracer,
      ...(moment !== undefined && { moment }),
      ...(options.readPointer && { read: options.readPointer }),
    })
  }

  /** Queues that are worked for now. */
  get queues(): string[] {
    return [...this.#stations.keys()]
  }

  /**
   * Waits for the server and begins. Resolves once every backend was tried.
   * @throws StoredError PERMISSION_DENIED (the server does not take this worker), CLOSED (stopped before it began)
   */
  async start(): Promise<void> {
    const configuration = await this.#fetch({ refusal: "end" })
    this.#exchange.start(configuration.revision)
    this.#following = this.#apply(configuration).finally(() => {
      this.#following = null
    })
    await this.#following
    if (this.#followAgain) this.#follow()
  }

  /** Takes no more, lets what runs end, gives back the rest, and lets go of everything. May be called twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const { grace, log, moment = 2_000, server, pool } = this.#options
    this.#stopping.abort(new StoredError("CLOSED", "The worker is closing.", { retryable: true }))
    if (this.#retry) clearTimeout(this.#retry)
    for (const { station } of this.#stations.values()) station.pause()
    this.#exchange.nudge()
    const late = (error: unknown): void => log.warn({ err: error }, "a part failed after the worker was stopped")
    await within(grace + moment + LET_GO, this.#runner.stop(grace), late)
    await this.#exchange.close(LET_GO)
    await within(LET_GO, Promise.allSettled([this.#following]), late)
    await Promise.all([...this.#stations.values()].map(({ station }) => station.close(0)))
    await within(LET_GO, this.#intakes?.opener.close() ?? Promise.resolve(), late)
    await within(LET_GO, pool.close(), late)
    server.close()
  }

  #info(): WorkerInfo {
    return {
      ...this.#identity,
      started: this.#started,
      kinds: [...this.#options.kinds],
      backends: [...this.#stations.values()].flatMap(({ station }) => station.backend ?? []),
      running: this.#runner.running,
      taking: this.#runner.isTaking,
    }
  }

  /** Brings the stations in line with the server's configuration, one look at a time. Never throws. */
  #follow(): void {
    this.#followAgain = true
    if (this.#following || this.#stopping.signal.aborted) return
    this.#following = this.#followOn().finally(() => {
      this.#following = null
    })
  }

  async #followOn(): Promise<void> {
    while (this.#followAgain && !this.#stopping.signal.aborted) {
      this.#followAgain = false
      try {
        await this.#apply(await this.#fetch({ refusal: "wait" }))
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        this.#options.log.error({ err: error }, "the server's configuration could not be followed")
        this.#tryAgainLater()
      }
    }
  }

  /** Waits out a server that is down. @throws StoredError PERMISSION_DENIED where `refusal` is `end`, CLOSED */
  async #fetch({ refusal }: { refusal: "end" | "wait" }): Promise<WorkerConfiguration> {
    const { server, log, backoff = DEFAULT_BACKOFF } = this.#options
    const { signal } = this.#stopping
    for (let failures = 1; ; failures += 1) {
      try {
        return readConfiguration(await server.configuration(signal))
      } catch (error) {
        const fault = toStoredError(error)
        if (signal.aborted || (refusal === "end" && fault.code === "PERMISSION_DENIED")) throw fault
        const facts = { error: fault.toJSON() }
        if (failures === 1) log.warn(facts, "the server's configuration cannot be had now; it is tried again")
        else log.debug(facts, "the server's configuration still cannot be had")
      }
      await pause(failures, backoff, signal)
    }
  }

  async #apply(configuration: WorkerConfiguration): Promise<void> {
    await this.#staged.locate(configuration.staging)
    if (this.#intakes && this.#intakes.prefix !== configuration.prefix) await this.#leaveIntakes()
    const wanted = new Map(this.#wanted(configuration).map((backend) => [syncQueue(backend.name), backend]))
    for (const queue of this.#closed.keys()) if (!wanted.has(queue)) this.#closed.delete(queue)
    const takesChecksums = this.#options.kinds.includes("checksum")
    const leaving = [...this.#stations].filter(([queue, { settings }]) =>
      queue === CHECKSUM_QUEUE ? !takesChecksums : settings !== JSON.stringify(wanted.get(queue) ?? null),
    )
    await Promise.all(leaving.map(([queue]) => this.#leave(queue)))
    if (this.#stopping.signal.aborted) return
    this.#intakes ??= { prefix: configuration.prefix, opener: this.#options.openIntakes(configuration.prefix) }
    if (takesChecksums) this.#enterChecksums()
    await Promise.all([...wanted.values()].map((backend) => this.#enter(backend)))
    this.#options.onQueues?.(this.queues)
    this.#exchange.nudge()
    if (this.#closed.size > 0) this.#tryAgainLater()
  }

  #wanted({ backends }: WorkerConfiguration): BackendSettings[] {
    const { kinds, backends: names } = this.#options
    return kinds.includes("sync") ? backends.filter(({ name }) => names === null || names.includes(name)) : []
  }

  #enterChecksums(): void {
    if (this.#stations.has(CHECKSUM_QUEUE)) return
    const concurrency = this.#options.concurrency ?? CHECKSUM_CONCURRENCY
    this.#stations.set(CHECKSUM_QUEUE, {
      station: Station.forChecksums(this.#stationOptions(concurrency)),
      settings: "",
    })
  }

  async #enter(backend: BackendSettings): Promise<void> {
    const { name, settings, concurrency, abilities } = backend
    const queue = syncQueue(name)
    if (this.#stations.has(queue)) return
    const { hashers, endpoints, log, tracer } = this.#options
    const { signal } = this.#stopping
    try {
      const isNear = this.#staged.isShared || (this.#options.backends?.includes(name) ?? false)
      const open = await openBackend(name, settings, { isNear, abilities, hashers, endpoints, log, tracer, signal })
      this.#closed.delete(queue)
      const most = Math.min(this.#options.concurrency ?? concurrency, concurrency)
      const station = Station.forBackend(name, open, this.#stationOptions(most))
      this.#stations.set(queue, { station, settings: JSON.stringify(backend) })
    } catch (error) {
      const fault = toStoredError(error)
      if (signal.aborted) return
      const facts = { backend: name, error: fault.toJSON() }
      if (this.#closed.get(queue) === fault.message) log.debug(facts, "a backend still cannot be opened here")
      else log.warn(facts, "a backend cannot be opened here; others work for it, and it is tried again")
      this.#closed.set(queue, fault.message)
    }
  }

  #stationOptions(concurrency: number): StationOptions {
    const { log } = this.#options
    return { intakes: this.#intakes!.opener, runner: this.#runner, handlers: this.#handlers, concurrency, log }
  }

  async #leave(queue: string): Promise<void> {
    const entry = this.#stations.get(queue)
    this.#stations.delete(queue)
    await entry?.station.close(this.#options.grace)
  }

  /** The server's keys in Redis have another prefix: nothing comes by the old one any more. */
  async #leaveIntakes(): Promise<void> {
    await Promise.all(this.queues.map((queue) => this.#leave(queue)))
    const { opener } = this.#intakes!
    this.#intakes = null
    await within(LET_GO, opener.close(), (error) => this.#options.log.warn({ err: error }, "Redis was let go too late"))
  }

  #tryAgainLater(): void {
    if (this.#stopping.signal.aborted) return
    if (this.#retry) clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#follow(), this.#options.retryEvery ?? RETRY_EVERY)
  }
}

/** @throws StoredError BACKEND_UNAVAILABLE: nothing of what was given is part of the message, there are secrets in it */
function readConfiguration(given: unknown): WorkerConfiguration {
  const result = workerConfigurationSchema.safeParse(given)
  if (result.success) return result.data
  const paths = result.error.issues.slice(0, 5).map(({ path }) => path.map(String).join(".") || "the whole")
  throw new TransientAdapterError(
    `The server's configuration is not one that this worker understands (${paths.join(", ")}); are both of one version?`,
  )
}
