/**
 * Bad copies whose bytes could not be kept, for want of room or because their backend was away, stay as they are (decision 0020). Now and then it is tried again; once
 * the bytes lie in quarantine the copy is put right like any other.
 */
import { syncQueue } from "../../queues/job.ts"
import type { RetryPolicy } from "../../queues/retry-policy.ts"
import type { LocationRecord, OutboxRecord } from "../catalog/record.ts"
import { toStoredError } from "../core/error.ts"
import { isUnkept } from "../core/unkept.ts"
import { isPaused } from "./is-paused.ts"
import { keepBad } from "./keep-bad.ts"
import type { StoreServices } from "./services.ts"

/** What is tried in a round; the others come in the next. */
const COPIES = 1_000
/** Copies of a backend that may fail in a round: it is away, or there is still no room, and each may take a minute to find that out. */
const FAILURES = 3

/** UTC ms of the last round, by store. */
const rounds = new WeakMap<StoreServices, number>()

/** @throws StoredError ABORTED, and of the commits */
export async function keepUnkept(
  services: StoreServices,
  { reviveAfter }: Pick<RetryPolicy, "reviveAfter">,
): Promise<void> {
  const now = services.clock.now()
  if (now - (rounds.get(services) ?? Number.NEGATIVE_INFINITY) < reviveAfter) return
  rounds.set(services, now)
  const failures = new Map<string, number>()
  for (const location of unkeptCopies(services, now - reviveAfter)) {
    if (services.lifecycle.signal.aborted) return
    const { backend } = location
    const failed = failures.get(backend) ?? 0
    if (failed < FAILURES && !(await keepNow(services, location))) failures.set(backend, failed + 1)
  }
}

/** @param before UTC ms before which they were left as they are */
function unkeptCopies({ catalog, backends }: StoreServices, before: number): LocationRecord[] {
  const found: LocationRecord[] = []
  for (const row of catalog.outbox({ status: "parked" })) {
    if (found.length >= COPIES) break
    const location = isUnkept(row.error) && row.modified <= before ? locationOf({ catalog }, row) : null
    if (!location || !backends.has(location.backend) || isPaused(catalog, location.backend)) continue
    // What was found there is theirs who work there.
    const isTheirs = location.found === true && backends.get(location.backend).config.mode !== "enforce"
    if (!isTheirs) found.push(location)
  }
  return found
}

function locationOf({ catalog }: Pick<StoreServices, "catalog">, { payload }: OutboxRecord): LocationRecord | null {
  if (payload.kind !== "sync") return null
  const location = catalog.location(payload.backend, payload.key)
  return location?.generation === payload.generation && location.want !== null ? location : null
}

/** False: they still cannot be kept. */
async function keepNow(services: StoreServices, location: LocationRecord): Promise<boolean> {
  const { catalog, clock, backends, lifecycle, runner } = services
  const { backend, key, generation } = location
  const id = location.want!
  const opened = await backends.opened(backend).catch((error: unknown) => {
    services.log.warn(
      { backend, key, error: toStoredError(error).toJSON() },
      "the bytes of a bad copy cannot be kept now",
    )
    return null
  })
  if (!opened) return false
  const kept = await keepBad(services, opened, { backend, key, id }, lifecycle.signal)
  if (kept === null) return false
  const blob = catalog.blob(id)
  const repair = blob !== null && (blob.staged || blob.synced > 0)
  const told = { backend, key, state: "corrupt", repair, generation, ...(kept !== undefined && { kept }) } as const
  await catalog.commitDrift({ ...told, time: clock.now() })
  if (repair) runner.nudge(syncQueue(backend))
  return true
}
