/** `GET /metrics`: what Prometheus reads, for whoever `metrics-gate.ts` lets in. */
import type { FastifyInstance } from "fastify"
import { METRICS_TYPE } from "../../metrics/job-metrics.ts"
import type { Gate } from "../worker-auth.ts"

export interface MetricsSource {
  /** in the text format of Prometheus */
  text(): Promise<string>
  /** from now on facts of the process are part of it */
  watchProcess(): void
}

/** @param source asked anew for each request: it throws CLOSED while the store is starting */
export function mountMetrics(app: FastifyInstance, gate: Gate, source: () => MetricsSource): void {
  app.get("/metrics", { onRequest: gate }, async (_request, reply) => {
    const text = await source().text()
    return reply.headers({ "content-type": METRICS_TYPE, "cache-control": "no-store" }).send(text)
  })
}
