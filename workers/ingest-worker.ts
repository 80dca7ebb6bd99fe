/**
 * The part of a worker process that does puts by reference: takes them from the queue, checks what it was given, does them, and says in the log what
 * came of each. It needs the server's HTTP API and nothing of the server's own.
 */
import {
  INGEST_QUEUE,
  type IngestDelivery,
  type IngestIntakes,
  type IngestPayload,
  readIngest,
  shownSource,
} from "../queues/ingest.ts"
import { HandedBack, type Intake, NotUnderstood } from "../queues/transport.ts"
import { abortError, StoredError, TransientAdapterError, toStoredError } from "../src/core/error.ts"
import type { PutResult } from "../src/core/metadata.ts"
import { type JobOutcome, type Meter, NO_METER } from "../src/metrics/meter.ts"
import type { Log } from "../src/store/log.ts"
import type { StoreFace } from "../src/store/store.ts"
import { within } from "../src/store/within.ts"
import type { Tracer } from "../src/tracing/tracer.ts"
import { type Backoff, DEFAULT_BACKOFF, pause } from "./backoff.ts"
import { type IngestServices, ingest } from "./ingest.ts"

export interface IngestWorkerOptions extends Omit<IngestServices, "store"> {
  store: IngestServices["store"] & Pick<StoreFace, "status" | "close">
  /** @param prefix of every key, as the server says it */
  openIntakes(prefix: string): IngestIntakes
  log: Log
  /** absent: nobody counts */
  meter?: Meter
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  /** absent: the versions of puts that this program knows */
  read?: typeof readIngest
  /** ms that running puts have to end when the worker stops */
  grace: number
  /** puts at a time; null: 4 */
  concurrency: number | null
  /** ms that one try may take; absent: an hour */
  deadline?: number
  /** pauses between looks for a server that is away */
  backoff?: Backoff
}

const CONCURRENCY = 4
const DEADLINE = 3_600_000
/** ms that a part may take to let go */
const LET_GO = 5_000

export class IngestWorker {
  readonly #options: IngestWorkerOptions
  readonly #stopping = new AbortController()
  readonly #taking = new Set<Promise<unknown>>()
  #open: { prefix: string; intakes: IngestIntakes; intake: Intake } | null = null
  #stopped: Promise<void> | null = null

  constructor(options: IngestWorkerOptions) {
    this.#options = options
  }

  get queues(): string[] {
    return this.#open ? [INGEST_QUEUE] : []
  }

  /** Takes from the queue under this prefix, and no longer from that under another one. */
  follow(prefix: string): void {
    if (this.#open?.prefix === prefix || this.#stopped) return
    if (this.#open) void this.#leave()
    const { openIntakes, concurrency } = this.#options
    const intakes = openIntakes(prefix)
    const intake = intakes.open({
      concurrency: concurrency ?? CONCURRENCY,
      take: (delivery, lost) => {
        const take = this.#take(delivery, lost).finally(() => this.#taking.delete(take))
        this.#taking.add(take)
        return take
      },
    })
    this.#open = { prefix, intakes, intake }
  }

  /** Takes no more, lets what runs end for the grace, gives back the rest, and lets go of everything. May be called twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const { grace, store } = this.#options
    this.#open?.intake.pause()
    await within(grace, this.#idle(), this.#late)
    this.#stopping.abort()
    await within(LET_GO, this.#idle(), this.#late)
    await this.#leave()
    await store.close({ deadline: 0 })
  }

  /** What still runs of it is given to somebody else. */
  async #leave(): Promise<void> {
    const left = this.#open
    this.#open = null
    if (left) await within(LET_GO, left.intakes.close(), this.#late)
  }

  readonly #late = (error: unknown): void => {
    this.#options.log.warn({ err: error }, "a part of the ingest worker failed after it was let go")
  }

  async #idle(): Promise<void> {
    while (this.#taking.size > 0) await Promise.allSettled([...this.#taking])
  }

  async #take(delivery: IngestDelivery, lost: AbortSignal): Promise<PutResult> {
    const payload = this.#read(delivery)
    const { log, deadline = DEADLINE } = this.#options
    const count = this.#counter()
    const facts = { id: payload.id, ...shownSource(payload.source) }
    const end = new AbortController()
    const late = setTimeout(() => end.abort(tooLong(deadline)), deadline)
    const signal = AbortSignal.any([lost, this.#stopping.signal, end.signal])
    try {
      signal.throwIfAborted()
      const result = await this.#traced(payload, async () => {
        const { lastSequence } = await this.#reach(signal)
        return ingest(this.#options, payload, { ...delivery, end: lastSequence }, signal)
      })
      log.info({ ...facts, key: result.key, version: result.version }, "a put by reference is done")
      count("done", null)
      return result
    } catch (error) {
      if (this.#stopping.signal.aborted) {
        count("returned", null)
        throw new HandedBack()
      }
      const fault = signal.aborted ? reasonOf(signal, lost) : toStoredError(error)
      if (lost.aborted) count("late", null)
      else count("failed", fault.code)
      log.warn({ ...facts, error: fault.toJSON() }, "a put by reference failed")
      throw fault
    } finally {
      clearTimeout(late)
    }
  }

  /** One try as a span, of which the requests to the server are part. What is in the queue does not say who asked for it (decision 0022): a trace begins here. */
  #traced(payload: IngestPayload, work: () => Promise<PutResult>): Promise<PutResult> {
    const { tracer } = this.#options
    if (!tracer) return work()
    const { key } = payload.options
    const attributes = {
      "stored.operation": payload.kind,
      "stored.source": payload.source.type,
      ...(tracer.tellsKeys && key !== undefined && { "stored.key": key }),
    }
    return tracer.within(`job.${payload.kind}`, { kind: "consumer", attributes }, work)
  }

  /** Waits for a server that does not answer now: that costs no try. @throws StoredError its refusal, the reason of `signal` */
  async #reach(signal: AbortSignal): Promise<{ lastSequence: number }> {
    const { store, log, backoff = DEFAULT_BACKOFF } = this.#options
    for (let failures = 1; ; failures += 1) {
      try {
        return await store.status()
      } catch (error) {
        const fault = toStoredError(error)
        if (!fault.retryable) throw fault
        if (failures === 1) log.warn({ error: fault.toJSON() }, "a put by reference waits for the server")
      }
      await pause(failures, backoff, signal)
    }
  }

  /** A try begins; what is given is called once, with what came of it. */
  #counter(): (outcome: JobOutcome, code: string | null) => void {
    const { meter = NO_METER } = this.#options
    const began = performance.now()
    return (outcome, code) => {
      const seconds = (performance.now() - began) / 1000
      meter.jobEnded({ kind: INGEST_QUEUE, backend: null, outcome, code, seconds })
    }
  }

  /** @throws StoredError INVALID_INPUT, without a value of what was given; NotUnderstood */
  #read({ id, payload }: IngestDelivery): IngestPayload {
    const { read = readIngest, meter = NO_METER, log } = this.#options
    const reading = read(payload)
    if ("payload" in reading) return reading.payload
    if ("unknown" in reading) {
      meter.notUnderstood("version")
      log.error(
        { jobId: id, version: reading.unknown },
        "a put of a version that this worker does not know was handed back",
      )
      throw new NotUnderstood(reading.unknown)
    }
    const issues = reading.issues.slice(0, 5)
    meter.notUnderstood("payload")
    log.error({ jobId: id, issues }, "a put by reference that nobody understands was refused")
    const paths = issues.map(({ path }) => path || "the whole").join(", ")
    throw new StoredError("INVALID_INPUT", `The queue held no put that this worker understands (${paths}).`)
  }
}

function reasonOf(signal: AbortSignal, lost: AbortSignal): StoredError {
  if (lost.aborted) return new StoredError("ABORTED", "The put was given to another worker.", { retryable: true })
  return abortError(signal)
}

function tooLong(ms: number): StoredError {
  return new TransientAdapterError(`The put did not end within ${ms} ms.`, { code: "TIMEOUT" })
}
