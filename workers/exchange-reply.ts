/**
 * What the server answers, checked. Each order is checked by itself: one that this worker does not understand must not take the others with it.
 */
import * as z from "zod"
import { exchangeAnswerSchema, type JobOrder, type JobPointer, orderSchema, waitSchema } from "../queues/exchange.ts"
import type { Job } from "../queues/job.ts"
import { TransientAdapterError } from "../src/core/error.ts"

const replySchema = exchangeAnswerSchema.extend({
  claims: z.array(z.strictObject({ ref: z.int(), order: z.unknown(), wait: waitSchema.optional() })),
})

export type ExchangeReply = z.output<typeof replySchema>

/** @throws StoredError BACKEND_UNAVAILABLE: what was said must be said again */
export function readReply(given: unknown): ExchangeReply {
  const result = replySchema.safeParse(given)
  if (result.success) return result.data
  throw new TransientAdapterError("The server's answer is not one to this worker's message; are both of one version?", {
    cause: result.error,
  })
}

/** The order where it can be carried out and is about the job that was claimed; the number of the claim where at least that can be read. */
export function readOrder(given: unknown, pointer: JobPointer): { order: JobOrder | null; claim: string | null } {
  const result = orderSchema.safeParse(given)
  if (result.success && isAbout(result.data.job, pointer)) return { order: result.data, claim: result.data.claim }
  return { order: null, claim: orderSchema.shape.claim.safeParse(propertyOf(given, "claim")).data ?? null }
}

function isAbout(job: Job, pointer: JobPointer): boolean {
  if (job.kind === "sync") return pointer.kind === "sync" && job.backend === pointer.backend && job.key === pointer.key
  return pointer.kind === "checksum" && job.id === pointer.id
}

function propertyOf(given: unknown, name: string): unknown {
  return typeof given === "object" && given !== null ? (given as Record<string, unknown>)[name] : undefined
}
