/** `GET /metrics`: everything that is counted, for Prometheus. */
import * as z from "zod"
import type { ErrorCode } from "../../core/error.ts"
import { METRICS_TYPE } from "../../metrics/job-metrics.ts"
import type { RequestMeter } from "../../metrics/request-meter.ts"
import { route } from "../route.ts"

export interface MetricsSource {
  /** in the text format of Prometheus */
  text(): Promise<string>
  /** from now on facts of the process are part of it */
  watchProcess(): void
  /** a request was refused because of who asked */
  refused?(code: ErrorCode): void
  /** absent: requests are not counted */
  readonly requests?: RequestMeter
}

export const metrics = route({
  method: "GET",
  path: "/metrics",
  operation: "getMetrics",
  tag: "service",
  summary: "What Prometheus reads.",
  policy: { scope: "metrics", on: "whole" },
  query: z.looseObject({}),
  answers: { 200: { is: "Every metric.", type: METRICS_TYPE } },
  async handle({ services, reply }) {
    const text = await services.metrics.text()
    return reply.headers({ "content-type": METRICS_TYPE, "cache-control": "no-store" }).send(text)
  },
})
