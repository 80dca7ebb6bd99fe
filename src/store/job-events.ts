/** Turns what becomes of jobs into events, after the outcome is committed (A23). `sync:error` comes only when the tries are used up. */
import type { RunnerEvents } from "../../queues/runner.ts"
import { subjectOf } from "../../queues/subject.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { StoreServices } from "./services.ts"

type Parts = Pick<StoreServices, "bus" | "catalog" | "clock" | "lifecycle" | "log" | "tracer">

/** @param nudge has whoever works on a queue look for due rows */
export function jobEvents(services: Parts, nudge: (queue: string) => void): RunnerEvents {
  const { bus, catalog, clock, log } = services
  return {
    started: (job) =>
      bus.publish("sync:start", null, clock.now(), {
        checksum: job.want?.id ?? null,
        key: catalog.location(job.backend, job.key)?.objectKey ?? job.key,
        backend: job.backend,
      }),
    settled: (row, outcome, commit, error) => {
      if (error)
        log.warn(
          { queue: row.queue, payload: row.payload, error: error.toJSON(), outcome: outcome.result.type },
          "a job failed",
        )
      // The lane that tells of it may have stopped, while another works on its queue.
      if (outcome.result.type === "late") nudge(row.queue)
      if (commit.status === "applied" && outcome.result.type === "done")
        services.tracer?.causes.forget(subjectOf(row.payload))
      if (outcome.kind !== "sync" || commit.status !== "applied") return
      const { backend, result } = outcome
      const key = objectKeyOf(services, outcome, commit.sequence)
      if (result.type === "retry" || result.type === "late") return
      const checksum: BlobId | null =
        (result.type === "done" ? result.have : catalog.location(backend, outcome.key)?.want) ?? null
      if (result.type === "done") bus.publish("sync:complete", commit.sequence, clock.now(), { checksum, key, backend })
      else bus.publish("sync:error", commit.sequence, clock.now(), { checksum, key, backend, error: result.error })
    },
    breaker: (backend, state) => {
      log.warn({ backend, state }, "the circuit breaker of a backend moved")
      bus.publish("backend:breaker", null, clock.now(), { backend, state })
    },
    disturbed: (queue, error) => log.warn({ queue, error: error.toJSON() }, "jobs cannot be sent to the workers now"),
    fault: (error) => {
      log.error({ error: error.toJSON() }, "an outcome could not be committed")
      if (error.code === "COMMIT_UNKNOWN") services.lifecycle.fail(error)
    },
  }
}

/** Events name objects. A place that was cleared has no row any more; then the journal knows whose it was. */
function objectKeyOf(
  { catalog }: Parts,
  { backend, key }: { backend: string; key: string },
  sequence: number | null,
): string {
  const location = catalog.location(backend, key)
  if (location) return location.objectKey
  if (sequence === null) return key
  const [record] = catalog.journal({ after: sequence - 1, limit: 1 })
  return record?.key ?? key
}
