/**
 * A job as a span, of the trace that caused it: a put, its copy, and the calls to the backend are one picture, whichever process does them. The trace does not
 * stand in the outbox, nor in the queue, whose payloads stay as they are (decision 0009): the server remembers it for as long as it lives, and hands it out with the order.
 */
import type { Attributes, Tracer } from "../src/tracing/tracer.ts"
import type { Job } from "./job.ts"
import { locationSubject } from "./subject.ts"

/** @param cause traceparent; null: a trace of its own begins */
export function tracedJob<Result>(
  tracer: Tracer | null | undefined,
  job: Job,
  cause: string | null | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!tracer) return work()
  const options = { kind: "consumer" as const, attributes: attributesOf(job, tracer.tellsKeys), parent: cause }
  return tracer.within(`job.${job.kind}`, options, work)
}

export function causeOf(tracer: Tracer | null | undefined, job: Job): string | null {
  return tracer?.causes.of(job.kind === "sync" ? locationSubject(job.backend, job.key) : job.id) ?? null
}

function attributesOf(job: Job, tellsKeys: boolean): Attributes {
  if (job.kind === "checksum") return { "stored.operation": job.kind, "stored.size": job.size }
  const { backend, key, want } = job
  return {
    "stored.operation": want ? "sync" : "clear",
    "adapter.name": backend,
    ...(want && { "stored.size": want.size }),
    ...(tellsKeys && { "stored.key": key }),
  }
}
