/** Closes the parts of a store in order. One deadline for all of them: what an earlier part has used up, a later one does not get again. */
import type { ChecksumPool } from "../checksums/pool.ts"
import type { StoreServices } from "../store/services.ts"
import { within } from "../store/within.ts"
import { closeEach } from "./close-each.ts"

export interface ClosedParts {
  services: StoreServices
  pools: ChecksumPool[]
  staging: { close(): Promise<void> }
  /** stops upkeep and waits for a step under way */
  endMaintenance(): Promise<void>
  /** the way to workers elsewhere; null where there are none */
  workers: { close(): Promise<void> } | null
}

/** ms that a part may take to close where nothing is left of the deadline */
const CLOSE_MOMENT = 100

/** @param deadline ms */
export async function closeParts(parts: ClosedParts, deadline: number): Promise<void> {
  const { services, pools, staging, endMaintenance, workers } = parts
  const { lifecycle, log, runner, scans, validations, readTimes, tokens, backends, catalog } = services
  const end = performance.now() + deadline
  const left = (): number => Math.max(0, end - performance.now())
  const inTime = async (part: string, work: Promise<unknown>): Promise<void> => {
    const late = (error: unknown): void => log.warn({ part, error }, "a part failed after the store was closed")
    const hasEnded = await within(Math.max(left(), CLOSE_MOMENT), work, late)
    if (!hasEnded) log.warn({ part }, "a part did not end in time and is left behind")
  }
  lifecycle.close()
  await lifecycle.quiet(left())
  await inTime("upkeep", endMaintenance())
  await inTime("scans", scans.close())
  await inTime("validations", validations.close())
  await runner.stop(left())
  await workers?.close()
  // Kept roughly anyway: a disk that is full must not keep the rest from being closed.
  await readTimes.flush().catch((error: unknown) => log.warn({ error }, "the last read times could not be kept"))
  await tokens.flush().catch((error: unknown) => log.warn({ error }, "when tokens were used last could not be kept"))
  await closeEach([
    () => inTime("backends", backends.close()),
    () => staging.close(),
    ...pools.map((pool) => () => inTime("threads", pool.close())),
    () => catalog.close(),
  ])
}
