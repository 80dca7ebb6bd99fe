/**
 * Jobs and bytes as Prometheus reads them, of one process. Labels come from closed lists and from the names of backends: never keys, ids or hosts, of
 * which there is no end.
 */
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client"
import type { Direction, EndedJob, Meter, Misfit } from "./meter.ts"

/** s: from a small file on a local disk to a large one over a slow line */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]
const DIRECTIONS: readonly Direction[] = ["in", "out", "copied"]
const MISFITS: readonly Misfit[] = ["version", "payload"]

/** Of the text format that `text` gives. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

export class JobMetrics implements Meter {
  protected readonly registry = new Registry()
  readonly #seconds = new Histogram({
    name: "stored_job_seconds",
    help: "How long jobs took that this process carried out.",
    labelNames: ["kind", "outcome"],
    buckets: BUCKETS,
    registers: [this.registry],
  })
  readonly #failures = new Counter({
    name: "stored_job_failures_total",
    help: "Tries of jobs that failed in this process; each is tried again or parked.",
    labelNames: ["kind", "backend", "code"],
    registers: [this.registry],
  })
  readonly #bytes = new Counter({
    name: "stored_bytes_total",
    help: "Bytes that were put (in), read by callers (out), and written to backends (copied) by this process.",
    labelNames: ["direction"],
    registers: [this.registry],
  })
  readonly #misfits = new Counter({
    name: "stored_jobs_not_understood_total",
    help: "Jobs in a queue of a version that this process does not know (handed back), or that are none of ours (dropped).",
    labelNames: ["misfit"],
    registers: [this.registry],
  })

  constructor() {
    // A rate needs a first value.
    for (const misfit of MISFITS) this.#misfits.inc({ misfit }, 0)
    for (const direction of DIRECTIONS) this.#bytes.inc({ direction }, 0)
  }

  jobEnded({ kind, backend, outcome, code, seconds }: EndedJob): void {
    this.#seconds.observe({ kind, outcome }, seconds)
    if (code !== null) this.#failures.inc({ kind, backend: backend ?? "", code })
  }

  notUnderstood(misfit: Misfit): void {
    this.#misfits.inc({ misfit })
  }

  bytes(direction: Direction, count: number): void {
    this.#bytes.inc({ direction }, count)
  }

  /** From now on CPU, memory and event loop of this process are told too; it goes on until the process ends. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry })
  }

  /** Everything, in the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry.metrics()
  }
}
