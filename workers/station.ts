/** One queue that this worker takes from: an intake, and where its jobs are run. A sync queue's station owns its backend. */
import { CHECKSUM_QUEUE, syncQueue } from "../queues/job.ts"
import type { Intake, IntakeOpener } from "../queues/transport.ts"
import type { StorageBackend } from "../src/backends/backend.ts"
import type { Log } from "../src/store/log.ts"
import { within } from "../src/store/within.ts"
import type { Handlers } from "./handlers.ts"
import type { Bench, JobRunner } from "./job-runner.ts"

export interface StationOptions {
  intakes: IntakeOpener
  runner: Pick<JobRunner, "take">
  handlers: Handlers
  /** jobs at a time */
  concurrency: number
  log: Log
}

/** ms that a connection or a backend may take to let go */
const LET_GO = 5_000

export class Station {
  readonly queue: string
  /** its name, null for the checksum queue */
  readonly backend: string | null
  readonly #open: StorageBackend | null
  readonly #intake: Intake
  readonly #taking = new Set<Promise<void>>()
  readonly #closed = new AbortController()
  readonly #log: Log

  private constructor(
    options: StationOptions,
    backend: string | null,
    open: StorageBackend | null,
    bench: Omit<Bench, "closed">,
  ) {
    this.queue = backend === null ? CHECKSUM_QUEUE : syncQueue(backend)
    this.backend = backend
    this.#open = open
    this.#log = options.log
    const own = { ...bench, closed: this.#closed.signal }
    this.#intake = options.intakes.open(this.queue, {
      concurrency: options.concurrency,
      take: (delivery, lost) => {
        const take = options.runner.take(own, delivery, lost).finally(() => this.#taking.delete(take))
        this.#taking.add(take)
        return take
      },
    })
  }

  static forBackend(name: string, backend: StorageBackend, options: StationOptions): Station {
    return new Station(options, name, backend, {
      takes: (pointer) => pointer.kind === "sync" && pointer.backend === name,
      run: (job, signal) => options.handlers.sync(job, backend, signal),
    })
  }

  static forChecksums(options: StationOptions): Station {
    return new Station(options, null, null, {
      takes: (pointer) => pointer.kind === "checksum",
      run: (job, signal) => options.handlers.checksum(job, signal),
    })
  }

  /** Takes no more. What runs goes on. */
  pause(): void {
    this.#intake.pause()
  }

  /** Takes no more, lets what runs end for `grace` ms, has the rest given back, and lets go of everything. */
  async close(grace: number): Promise<void> {
    this.pause()
    await within(grace, this.#idle(), () => {})
    this.#closed.abort()
    const late = (error: unknown): void => {
      this.#log.warn({ queue: this.queue, err: error }, "a queue or backend was let go too late")
    }
    try {
      await within(LET_GO, this.#idle(), late)
      await within(LET_GO, this.#intake.close(), late)
    } finally {
      if (this.#open) await within(LET_GO, this.#open.close(), late)
    }
  }

  async #idle(): Promise<void> {
    while (this.#taking.size > 0) await Promise.allSettled([...this.#taking])
  }
}
