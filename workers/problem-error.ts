/** The server's problem JSON as the `StoredError` that it was. */
import * as z from "zod"
import { ERROR_CODES, StoredError, TransientAdapterError } from "../src/core/error.ts"

const problemSchema = z.looseObject({
  code: z.enum(ERROR_CODES),
  detail: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
})

/** Refusals that hold for every request of this worker, and pass only when somebody changes a setting. */
const REFUSALS: Record<number, string> = {
  401: "The server does not take the worker token; give both the same STORED_WORKER_TOKEN.",
  404: "The server has nothing for workers; give it a STORED_WORKER_TOKEN, and see that STORED_URL is right.",
}

export function problemError(status: number, text: string): StoredError {
  const problem = problemSchema.safeParse(parseJson(text)).data
  if (problem) {
    const { code, detail, retryable, details = {} } = problem
    return new StoredError(code, detail, { retryable, details })
  }
  const refusal = REFUSALS[status]
  // Worth another try: a server that is being set up anew refuses for a while, and no job is to blame for it.
  if (refusal) return new StoredError("PERMISSION_DENIED", refusal, { retryable: true })
  return new TransientAdapterError(`The server answered ${status}.`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not from StoreD but from something in between; the status is all there is to tell.
    return null
  }
}
