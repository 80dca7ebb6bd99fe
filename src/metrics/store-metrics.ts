/** What a store is and what waits in it, as Prometheus reads it, beside the jobs and bytes of its process. Looked at when it is asked for. */
import { Counter, Gauge } from "prom-client"
import type { Clock } from "../core/clock.ts"
import { JobMetrics } from "./job-metrics.ts"
import type { RequestMeter } from "./request-meter.ts"
import { RequestMetrics } from "./request-metrics.ts"

/** What is looked at; a store's status is it. */
export interface StoreFacts {
  /** `due` counts running ones too; `oldest` is UTC ms */
  queues: readonly { queue: string; due: number; parked: number; running: number; oldest: number | null }[]
  staging: { size: number; hits: number; misses: number }
  backends: readonly {
    name: string
    breaker: "closed" | "half-open" | "open"
    paused: boolean
    /** null: it was never scanned. `knownAsOf` is UTC ms */
    scan: { looks: number; lookBytes?: number; knownAsOf: number | null } | null
    /** absent: its copies were never read again. `validAsOf` is UTC ms */
    validate?: { validAsOf: number | null; late: boolean; copies: number; chosen: number | null }
  }[]
  workers: readonly { alive: boolean }[]
  /** null: there is none to have workers */
  redis: "ok" | "away" | null
}

/** `new` is what the catalog did not know; the rest is of objects that it knows */
export type DriftedKind = "new" | "changed" | "moved" | "missing" | "corrupt" | "reconciled"

const BREAKER = { closed: 0, "half-open": 1, open: 2 }

export class StoreMetrics extends JobMetrics {
  readonly #jobs = this.#gauge(
    "stored_queue_jobs",
    "Jobs of a queue: due or waiting for a later try, running, and parked after the last try.",
    ["queue", "state"],
  )
  readonly #oldest = this.#gauge("stored_queue_oldest_seconds", "Age of the job that is due first, 0 where none is.", [
    "queue",
  ])
  readonly #hits = this.#counter("stored_cache_hits_total", "Reads that staging had the bytes for.")
  readonly #misses = this.#counter("stored_cache_misses_total", "Reads that a backend was asked for.")
  readonly #cached = this.#gauge("stored_cache_bytes", "Bytes of content in staging.", [])
  readonly #breakers = this.#gauge(
    "stored_breaker_state",
    "A backend's circuit breaker: 0 closed, 1 half-open, 2 open.",
    ["backend"],
  )
  readonly #paused = this.#gauge(
    "stored_backend_paused",
    "1 where none of a backend's jobs begins until it is resumed.",
    ["backend"],
  )
  readonly #looks = this.#gauge("stored_scan_looks", "Places of a scanned backend that are still to be looked at.", [
    "backend",
  ])
  readonly #lookBytes = this.#gauge("stored_scan_look_bytes", "What is to be read of these places, roughly.", [
    "backend",
  ])
  readonly #knownAsOf = this.#gauge(
    "stored_scan_known_as_of_seconds",
    "When the last scan of a backend that came to its end began, UTC; absent before the first.",
    ["backend"],
  )
  readonly #validAsOf = this.#gauge(
    "stored_validate_valid_as_of_seconds",
    "When the last validation began that has read every copy of a backend and came to its end, UTC; absent before the first.",
    ["backend"],
  )
  readonly #unvalidated = this.#gauge(
    "stored_validate_copies_left",
    "Copies that the validation of a backend has still to read.",
    ["backend"],
  )
  readonly #late = this.#gauge(
    "stored_validate_late",
    "1 where the copies of a backend cannot be read again in the time that is set.",
    ["backend"],
  )
  readonly #drift = this.#counter(
    "stored_drift_total",
    "What was found at backends and was not as the catalog said, by kind: new, changed, moved, missing, corrupt.",
    ["backend", "kind"],
  )
  readonly #workers = this.#gauge("stored_workers", "Workers that were heard of in the last quarter of an hour.", [
    "alive",
  ])

  readonly #refused = this.#counter(
    "stored_requests_refused_total",
    "Requests that were refused because of who asked: no good token, one that does not reach so far, its rate, its quota.",
    ["code"],
  )

  /** of the service, where there is one */
  readonly requests: RequestMeter = new RequestMetrics(this.registry)

  readonly #facts: () => StoreFacts
  readonly #clock: Clock

  /** Something lay at a backend, or did not, that is not as the catalog says. */
  drifted(backend: string, kind: DriftedKind, count = 1): void {
    if (count > 0) this.#drift.inc({ backend, kind }, count)
  }

  /** A request was refused: its token, its rate, or its quota. @param code from the closed list of errors */
  refused(code: string): void {
    this.#refused.inc({ code })
  }

  /** @param facts asked each time when somebody looks */
  constructor(facts: () => StoreFacts, clock: Clock) {
    super()
    this.#facts = facts
    this.#clock = clock
  }

  override text(): Promise<string> {
    this.#look()
    return super.text()
  }

  #look(): void {
    const { queues, staging, backends, workers, redis } = this.#facts()
    const now = this.#clock.now()
    // A queue or backend that was removed is not told of any more.
    const scans = [this.#looks, this.#lookBytes, this.#knownAsOf, this.#validAsOf, this.#unvalidated, this.#late]
    const gauges = [this.#jobs, this.#oldest, this.#breakers, this.#paused, ...scans]
    for (const gauge of gauges) gauge.reset()
    for (const { queue, due, parked, running, oldest } of queues) {
      this.#jobs.set({ queue, state: "due" }, Math.max(0, due - running))
      this.#jobs.set({ queue, state: "running" }, running)
      this.#jobs.set({ queue, state: "parked" }, parked)
      this.#oldest.set({ queue }, oldest === null ? 0 : Math.max(0, now - oldest) / 1000)
    }
    for (const { name, breaker, paused, scan, validate } of backends) {
      this.#breakers.set({ backend: name }, BREAKER[breaker])
      this.#paused.set({ backend: name }, paused ? 1 : 0)
      if (scan) this.#looks.set({ backend: name }, scan.looks)
      if (scan) this.#lookBytes.set({ backend: name }, scan.lookBytes ?? 0)
      if (scan && scan.knownAsOf !== null) this.#knownAsOf.set({ backend: name }, scan.knownAsOf / 1000)
      if (validate) this.#lookAtValidation(name, validate)
    }
    if (redis !== null) {
      const alive = workers.filter((worker) => worker.alive).length
      this.#workers.set({ alive: "true" }, alive)
      this.#workers.set({ alive: "false" }, workers.length - alive)
    }
    this.#cached.set(staging.size)
    // Staging counts since the process began, as a counter does.
    for (const [counter, count] of [
      [this.#hits, staging.hits],
      [this.#misses, staging.misses],
    ] as const) {
      counter.reset()
      counter.inc(count)
    }
  }

  #lookAtValidation(backend: string, validate: NonNullable<StoreFacts["backends"][number]["validate"]>): void {
    const { validAsOf, late, copies, chosen } = validate
    if (validAsOf !== null) this.#validAsOf.set({ backend }, validAsOf / 1000)
    if (chosen !== null) this.#unvalidated.set({ backend }, Math.max(0, chosen - copies))
    this.#late.set({ backend }, late ? 1 : 0)
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] })
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }
}
