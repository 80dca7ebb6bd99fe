/** The server's part of the pool over a catalog in memory and a transport in memory, with a clock that only the test moves. */
import { afterEach, expect } from "vitest"
import { Breaker } from "../../queues/breaker.ts"
import type {
  Exchange,
  ExchangeAnswer,
  ExchangeOptions,
  JobOrder,
  JobPointer,
  JobResult,
  WorkerConfiguration,
} from "../../queues/exchange.ts"
import { Gate } from "../../queues/gate.ts"
import { syncQueue } from "../../queues/job.ts"
import { Pool } from "../../queues/pool.ts"
import type { Relay } from "../../queues/relay.ts"
import { DEFAULT_RETRY_POLICY } from "../../queues/retry-policy.ts"
import type { RunnerEvents } from "../../queues/runner.ts"
import type { Delivery, Transport } from "../../queues/transport.ts"
import type { Outcome } from "../../src/catalog/catalog.ts"
import { MemoryCatalog } from "../../src/catalog/memory.ts"
import type { RateLimit } from "../../src/core/rate-limit.ts"
import { faultsOf, put } from "../contract/catalog.facts.ts"
import { MemoryTransport } from "./memory-transport.ts"

export const BACKEND = "local"
export const QUEUE = syncQueue(BACKEND)

export interface PoolHarness {
  catalog: MemoryCatalog
  transport: MemoryTransport
  pool: Pool
  relay: Relay
  breaker: Breaker
  clock: { time: number; now(): number }
  told: { started: string[]; outcomes: Outcome[]; disturbed: string[]; faults: string[] }
  /** what workers are told of them */
  backends: WorkerConfiguration["backends"]
  /** Lets everything that is queued in this process happen. */
  turn(): Promise<void>
  end(): Promise<void>
  /** As after a kill: nothing is told any more. */
  abandon(): void
}

/** Another server over the same catalog and transport, as after a restart, where `before` is given. */
export async function openPoolHarness(
  before?: PoolHarness,
  threshold = 50,
  rateLimit: RateLimit | null = null,
): Promise<PoolHarness> {
  const catalog = before?.catalog ?? new MemoryCatalog()
  if (!before) {
    await catalog.open()
    await catalog.commitBackend({ name: BACKEND, driver: "fs", config: {}, created: 1 }, {})
  }
  const transport = before?.transport ?? new MemoryTransport()
  const clock: PoolHarness["clock"] = before?.clock ?? { time: 1_000_000, now: () => clock.time }
  const told: PoolHarness["told"] = { started: [], outcomes: [], disturbed: [], faults: [] }
  const events: RunnerEvents = {
    started: (job) => void told.started.push(job.key),
    settled: (_row, outcome) => void told.outcomes.push(outcome),
    breaker: () => {},
    disturbed: (_queue, error) => void told.disturbed.push(error.code),
    fault: (error) => void told.faults.push(error.code),
  }
  const life = { over: false }
  const backends: PoolHarness["backends"] = []
  const pool = new Pool({
    catalog,
    transport: whileAlive(transport, life),
    clock,
    policy: { ...DEFAULT_RETRY_POLICY, baseDelay: 1_000, maxAttempts: 3 },
    events,
    sideChecksums: ["md5"],
    random: () => 0.5,
    configuration: () => ({ prefix: "p", backends, staging: { directory: "/", probe: { file: "f", text: "t" } } }),
  })
  const breaker = new Breaker({ threshold, pause: 1_000, maxPause: 8_000 }, () => {})
  const gate = new Gate({ breaker, rateLimit, paused: false })
  const relay = pool.openLine({ queue: QUEUE, backend: BACKEND, concurrency: 4, breaker, gate, drained: () => {} })
  return {
    catalog,
    transport,
    pool,
    relay,
    breaker,
    clock,
    told,
    backends,
    turn,
    abandon: () => {
      life.over = true
      pool.close()
    },
    end: async () => {
      await relay.stop()
      pool.close()
    },
  }
}

/** What is killed sends nothing more. */
function whileAlive(transport: MemoryTransport, life: { over: boolean }): Transport {
  return {
    get isReady() {
      return !life.over && transport.isReady
    },
    onReady: (listener) => transport.onReady(() => !life.over && listener()),
    send: (queue, parcels) => transport.send(queue, parcels),
    missing: (queue, ids) => transport.missing(queue, ids),
    prepare: () => transport.prepare(),
    forget: (queue) => transport.forget(queue),
    close: () => transport.close(),
  }
}

/** A send takes an immediate, and a busy one a pause of 20 ms. */
async function turn(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await new Promise((resume) => setImmediate(resume))
}

/** A worker that does what the test says: takes deliveries by hand, claims and tells by hand. */
export class HandWorker {
  readonly id: string
  readonly #harness: PoolHarness
  /** its connection to the server; a test may break it */
  link = new AbortController()
  /** ms that its clock is ahead of the server's */
  ahead = 0
  /** what it knows of in orders */
  knows: ExchangeOptions = {}
  readonly deliveries: (Delivery & { over(): void; signal: AbortSignal })[] = []
  #wake: (() => void) | null = null

  constructor(harness: PoolHarness, id: string, concurrency = 100) {
    this.#harness = harness
    this.id = id.padEnd(8, "-")
    harness.transport.open(QUEUE, {
      concurrency,
      take: (delivery, signal) =>
        new Promise((over) => {
          this.deliveries.push({ ...delivery, signal, over })
          this.#wake?.()
        }),
    })
  }

  /** The next delivery, once there is one. */
  async next(): Promise<Delivery & { over(): void; signal: AbortSignal }> {
    while (this.deliveries.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.deliveries.shift()!
  }

  async claim(delivery: Delivery, server = this.#harness): Promise<JobOrder | null> {
    return (await this.ask(delivery, server)).order
  }

  /** As `claim`, with what is said where there is no order. */
  async ask({ id, pointer }: Delivery, server = this.#harness): Promise<ExchangeAnswer["claims"][number]> {
    const message = { claims: [{ ref: 7, jobId: id, pointer: pointer as JobPointer }], results: [] }
    return (await this.say(message, server)).claims[0]!
  }

  async tell(order: JobOrder, result: JobResult, server = this.#harness): Promise<string> {
    const results = [{ ref: 3, claim: order.claim, pointer: pointerOf(order), result }]
    return (await this.say({ claims: [], results }, server)).results[0]!.status
  }

  say(message: Pick<Exchange, "claims" | "results">, server = this.#harness): Promise<ExchangeAnswer> {
    const worker = {
      id: this.id,
      host: "h",
      pid: 1,
      started: 0,
      kinds: [],
      backends: [BACKEND],
      running: 0,
      taking: true,
    }
    const now = server.clock.time + this.ahead
    return server.pool.exchange({ version: 1, now, worker, ...message }, this.link.signal, this.knows)
  }
}

export function pointerOf({ job }: JobOrder): JobPointer {
  if (job.kind === "checksum") return { version: 1, kind: "checksum", id: job.id }
  const { backend, key, generation } = job
  return { version: 1, kind: "sync", backend, key, generation }
}

/** Proof that what was wanted is there. */
export function proofOf({ job }: JobOrder): JobResult {
  if (job.kind !== "sync") throw new Error("only syncs here")
  return job.want
    ? {
        type: "synced",
        have: job.want.id,
        verified: { at: 1, by: "checksum" },
        seen: { size: job.want.size, modified: 1 },
      }
    : { type: "synced", have: null, verified: { at: 1, by: "absence" }, seen: null }
}

export const FAILURE: JobResult = {
  type: "failed",
  error: { code: "BACKEND_UNAVAILABLE", message: "It did not answer.", retryable: true },
}

/** Opens harnesses for the tests of a file; each is closed after its test, and its catalog is without a fault then. */
export function poolHarnesses(): typeof openPoolHarness {
  const open: PoolHarness[] = []
  afterEach(async () => {
    for (const each of open.splice(0)) {
      await each.end()
      expect(await faultsOf(each.catalog)).toEqual([])
    }
  })
  return async (...options) => {
    const opened = await openPoolHarness(...options)
    // The one before it has ended with its process.
    const [before] = options
    if (before) open.splice(open.indexOf(before), 1)
    open.push(opened)
    return opened
  }
}

export async function putOne(server: PoolHarness, key: string, content = key): Promise<void> {
  await put(server.catalog, { key, content })
  server.relay.nudge()
  await server.turn()
}

export function stateOf(server: PoolHarness, key: string): string | undefined {
  return server.catalog.location(BACKEND, key)?.state
}
