/** Upkeep while the store is open: an array of named steps, run one after the other now and then; a step that fails is logged and tried again. */
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "../../queues/retry-policy.ts"
import { toStoredError } from "../core/error.ts"
import { keepUnkept } from "./keep-unkept.ts"
import { isUnnamed } from "./reclaim.ts"
import type { StoreServices } from "./services.ts"

const EVERY = 30_000
const PAGE = 500
const REQUESTS = 1_000

interface Step {
  name: string
  run(services: StoreServices, policy: RetryPolicy): Promise<void>
}

const STEPS: readonly Step[] = [
  { name: "read times", run: (services) => services.readTimes.flush() },
  { name: "uses of tokens", run: (services) => services.tokens.flush() },
  { name: "unnamed content", run: reclaimUnnamed },
  { name: "bad copies", run: keepUnkept },
  { name: "parked jobs", run: reviveParked },
  { name: "requests", run: forgetRequests },
  { name: "audits", run: (services) => services.scans.audit() },
  { name: "validations", run: (services) => services.validations.audit() },
]

/** Deleted blobs whose bytes could not be removed at once, for example because somebody was reading them. */
async function reclaimUnnamed(services: StoreServices): Promise<void> {
  let after: string | undefined
  do {
    const page = await services.catalog.evictable({ limit: PAGE, ...(after !== undefined && { after }) })
    for (const { id } of page.entries) if (isUnnamed(services, id)) await services.staging.discard(id)
    after = page.cursor ?? undefined
  } while (after !== undefined && !services.lifecycle.signal.aborted)
}

/** Where the last step ended, by store. */
const forgotten = new WeakMap<StoreServices, string | null>()

/** What came of requests with idempotency keys more than a day ago: a page at a time, round and round. */
async function forgetRequests(services: StoreServices): Promise<void> {
  const after = forgotten.get(services) ?? null
  const time = services.clock.now()
  forgotten.set(services, await services.catalog.commitForgetRequests({ after, limit: REQUESTS, time }))
}

/** The slow retry of jobs that were given up: nothing is ever dropped (I5). */
async function reviveParked(services: StoreServices, policy: RetryPolicy): Promise<void> {
  const time = services.clock.now()
  const revived = await services.catalog.commitRetry({ before: time - policy.reviveAfter, limit: 1_000, time })
  if (revived > 0) services.runner.nudgeAll()
}

/** Runs every step now and then until the store closes. Returns what stops it and waits for a step under way. */
export function maintain(services: StoreServices, policy: RetryPolicy = DEFAULT_RETRY_POLICY): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(() => upkeep(services, policy))
  }, EVERY)
  timer.unref()
  return () => {
    clearInterval(timer)
    return running
  }
}

export async function upkeep(services: StoreServices, policy: RetryPolicy): Promise<void> {
  for (const step of STEPS) {
    if (services.lifecycle.signal.aborted) return
    try {
      await step.run(services, policy)
    } catch (error) {
      services.log.warn(
        { step: step.name, error: toStoredError(error).toJSON() },
        "an upkeep step failed; it will be run again",
      )
    }
  }
}
