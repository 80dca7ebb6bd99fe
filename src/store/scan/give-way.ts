/**
 * What scans and validations read waits for syncs: before each piece they look whether a copy is being carried, or could be now, and then wait until none is, for a
 * second at most. So the disk is a sync's as long as there are any, and a backlog that never ends does not stop what is read for ever.
 */
import { syncQueue } from "../../../queues/job.ts"
import type { StoreServices } from "../services.ts"

/** ms that are waited at most, and between two looks */
const LONGEST = 1_000
const LOOK = 50

type Parts = Pick<StoreServices, "backends" | "runner" | "pool" | "timer">

/** @throws StoredError ABORTED */
export async function giveWay(parts: Parts, signal: AbortSignal): Promise<void> {
  const { timer } = parts
  const until = timer.now() + LONGEST
  while (timer.now() < until && isSyncing(parts)) await timer.sleep(LOOK, signal)
}

function isSyncing({ backends, runner, pool }: Parts): boolean {
  return backends.names().some((name) => {
    const queue = syncQueue(name)
    return runner.running(queue) > 0 || (isWorkedOn({ backends, pool }, name) && runner.isDue(queue))
  })
}

/** Where nobody is there to carry anything, nobody is waited for. */
function isWorkedOn({ backends, pool }: Pick<Parts, "backends" | "pool">, name: string): boolean {
  if (pool === null || backends.get(name).inProcess) return true
  return (
    pool.isConnected &&
    pool
      .workers()
      .some(({ alive, kinds, backends: some }) => alive && kinds.includes("sync") && (some?.includes(name) ?? true))
  )
}
