/** A desk of tests: it gives the orders that the test lays out, remembers what it was told, and lets the test wait for it. */
import {
  EXCHANGE_VERSION,
  type Exchange,
  type ExchangeAnswer,
  type JobOrder,
  type JobPointer,
  type JobResult,
  type WorkerConfiguration,
  type WorkerDesk,
} from "../../queues/exchange.ts"
import type { Job } from "../../queues/job.ts"
import type { BlobId } from "../../src/core/blob-id.ts"

export const TOKEN = "a-token-of-the-tests-0123456789"
export const ID: BlobId = `sha256:${"ab".repeat(32)}`

export interface ToldResult {
  claim: string
  pointer: JobPointer
  result: JobResult
}

export function pointerTo(key: string, backend = "b", generation = 1): JobPointer {
  return { version: 1, kind: "sync", backend, key, generation }
}

/** An order to have nothing under a key, or what `want` says. */
export function orderFor(
  key: string,
  more: Partial<JobOrder> & { want?: Extract<Job, { kind: "sync" }>["want"] } = {},
) {
  const { want = null, ...rest } = more
  const job: Job = { version: 1, kind: "sync", backend: "b", key, generation: 1, want }
  return { claim: `claim-${key}`, job, deadline: 60_000, ...rest }
}

export class TestDesk implements WorkerDesk {
  readonly messages: Exchange[] = []
  readonly results: ToldResult[] = []
  /** by the id of the queue's job; what is not here has nothing to do */
  readonly orders = new Map<string, unknown>()
  /** ms to wait, by the id of the queue's job */
  readonly waits = new Map<string, number>()
  /** the connections by which the messages came */
  readonly links: (AbortSignal | undefined)[] = []
  revision = "r1"
  backends: WorkerConfiguration["backends"] = []
  staging: WorkerConfiguration["staging"] = { directory: "/nowhere", probe: { file: "probe", text: "none" } }
  prefix = "test"
  /** called before each answer; may throw or wait */
  before: (message: Exchange) => unknown = () => {}
  #watchers: (() => void)[] = []

  configuration(): WorkerConfiguration {
    const { revision, prefix, backends, staging } = this
    return { version: EXCHANGE_VERSION, revision, prefix, backends, staging }
  }

  async exchange(message: Exchange, link?: AbortSignal): Promise<ExchangeAnswer> {
    this.messages.push(message)
    this.links.push(link)
    this.#changed()
    await this.before(message)
    this.results.push(...message.results.map(({ claim, pointer, result }) => ({ claim, pointer, result })))
    this.#changed()
    return {
      version: EXCHANGE_VERSION,
      revision: this.revision,
      claims: message.claims.map(({ ref, jobId }) => ({
        ref,
        order: (this.orders.get(jobId) ?? null) as JobOrder | null,
        ...(this.waits.has(jobId) && { wait: this.waits.get(jobId)! }),
      })),
      results: message.results.map(({ ref }) => ({ ref, status: "applied" as const })),
    }
  }

  /** Resolves once `seen` finds something in what was told so far. */
  until<Found>(seen: (desk: TestDesk) => Found | undefined | false): Promise<Found> {
    return new Promise((resolve) => {
      const look = (): boolean => {
        const found = seen(this)
        if (found === undefined || found === false) return false
        this.#watchers = this.#watchers.filter((watcher) => watcher !== look)
        resolve(found)
        return true
      }
      if (!look()) this.#watchers.push(look)
    })
  }

  /** The first result of a claim, once it is told. */
  resultOf(claim: string): Promise<JobResult> {
    return this.until(({ results }) => results.find((told) => told.claim === claim)?.result)
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}
