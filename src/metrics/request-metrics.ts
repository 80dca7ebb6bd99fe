/** Requests as Prometheus reads them (E13). Operations are those of the table of routes: never paths, of which there is no end. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client"
import type { EndedRequest, RequestMeter } from "./request-meter.ts"

/** s: from what is answered out of memory to a large body over a slow line */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export class RequestMetrics implements RequestMeter {
  readonly #requests: Counter<"operation" | "status">
  readonly #seconds: Histogram<"operation">
  readonly #errors: Counter<"code">
  readonly #running: Gauge

  constructor(registry: Registry) {
    const registers = [registry]
    this.#requests = new Counter({
      name: "stored_requests_total",
      help: "Requests that were answered, or cut off, by operation and class of status.",
      labelNames: ["operation", "status"],
      registers,
    })
    this.#seconds = new Histogram({
      name: "stored_request_seconds",
      help: "From the head of a request to the end of its answer, bodies and the client's own slowness included.",
      labelNames: ["operation"],
      buckets: BUCKETS,
      registers,
    })
    this.#errors = new Counter({
      name: "stored_request_errors_total",
      help: "Requests that were answered with an error, by its code.",
      labelNames: ["code"],
      registers,
    })
    this.#running = new Gauge({
      name: "stored_requests_in_flight",
      help: "Requests that are under way.",
      registers,
    })
  }

  requestBegan(running: number): void {
    this.#running.set(running)
  }

  requestEnded({ operation, status, code, seconds }: EndedRequest, running: number): void {
    this.#running.set(running)
    this.#requests.inc({ operation, status: `${Math.floor(status / 100)}xx` })
    this.#seconds.observe({ operation }, seconds)
    if (code !== null) this.#errors.inc({ code })
  }
}
