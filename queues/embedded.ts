/** The embedded shape: jobs run inside the server's own process, in lanes (`lane.ts`). */
import type { Catalog, Outcome } from "../src/catalog/catalog.ts"
import type { JobPayload } from "../src/catalog/record.ts"
import type { Clock } from "../src/core/clock.ts"
import type { Meter } from "../src/metrics/meter.ts"
import type { Tracer } from "../src/tracing/tracer.ts"
import type { Job, JobHandlers } from "./job.ts"
import { Lane } from "./lane.ts"
import { deadlineOf, type OrderSources, orderOf } from "./order.ts"
import type { RetryPolicy } from "./retry-policy.ts"
import type { Line, LineOptions, RunnerEvents } from "./runner.ts"
import { causeOf, tracedJob } from "./traced-job.ts"

export interface LaneOptions extends OrderSources {
  catalog: Pick<Catalog, "due" | "commitOutcomes"> & OrderSources["catalog"]
  handlers: JobHandlers
  clock: Clock
  policy: RetryPolicy
  events: RunnerEvents
  meter: Meter
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  random?(): number
}

/** A line for `Runner` that runs its jobs here. */
export function openLane(options: LaneOptions, { queue, concurrency, breaker, gate, drained }: LineOptions): Line {
  const { catalog, clock, policy, events, meter, random = Math.random } = options
  return new Lane(
    queue,
    concurrency,
    { breaker, gate },
    {
      catalog,
      clock,
      policy,
      random,
      run: (row, signal) => run(row.payload, options, signal),
      deadline: (row) => deadlineOf(row.payload, options),
      settled: (row, outcome, commit, error) => events.settled(row, outcome, commit, error),
      tried: ({ payload }, error, seconds) =>
        meter.jobEnded({
          kind: payload.kind,
          backend: payload.kind === "sync" ? payload.backend : null,
          outcome: error ? "failed" : "done",
          code: error?.code ?? null,
          seconds,
        }),
      fault: (error) => events.fault(error),
      drained,
    },
  )
}

async function run(payload: JobPayload, options: LaneOptions, signal: AbortSignal): Promise<Outcome> {
  const order = orderOf(payload, options)
  if ("outcome" in order) return order.outcome
  const { job } = order
  const { tracer } = options
  return tracedJob(tracer, job, causeOf(tracer, job), () => runJob(job, options, signal))
}

async function runJob(job: Job, { handlers, events }: LaneOptions, signal: AbortSignal): Promise<Outcome> {
  if (job.kind === "checksum") return { kind: "checksum", id: job.id, result: await handlers.checksum(job, signal) }
  events.started(job)
  const { backend, key, generation } = job
  return { kind: "sync", backend, key, generation, result: await handlers.sync(job, signal) }
}
