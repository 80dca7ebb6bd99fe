/** What a handler came back with, as the server is told it. */
import type { JobResult } from "../queues/exchange.ts"
import type { Done, Job } from "../queues/job.ts"
import type { StoredError } from "../src/core/error.ts"
import { type JsonObject, parseMetadata } from "../src/core/json.ts"

const MAX_SENTENCE = 2_000
const MAX_DETAILS = 2_000

export function doneResult(done: Done<Job["kind"]>): JobResult {
  if ("checksums" in done) return { type: "hashed", checksums: done.checksums }
  const { have, verified, seen } = done
  return { type: "synced", have, verified, seen }
}

/** Bounded, so that hundreds of failures fit into one message. */
export function failedResult({ code, message, retryable, details }: StoredError): JobResult {
  const facts = wireDetails(details)
  return {
    type: "failed",
    error: { code, message: message.slice(0, MAX_SENTENCE), retryable, ...(facts && { details: facts }) },
  }
}

/** Details are extras: those that are too long or no JSON stay here. */
function wireDetails(details: Readonly<Record<string, unknown>>): JsonObject | null {
  try {
    const text = JSON.stringify(details)
    return text.length <= MAX_DETAILS ? parseMetadata(JSON.parse(text)) : null
  } catch {
    return null
  }
}
