/** What the S3 loop puts, and its wait until every copy is proven. */
import { createHash } from "node:crypto"
import type { StoreStatus } from "../../src/store/store.ts"
import type { SeededRandom } from "./kill-random.ts"
import { objectPath, type ServerProcess } from "./kill-server.ts"
import { pause } from "./pool-ground.ts"

export interface Load {
  /** key → SHA-256 in hex */
  digests: Map<string, string>
  /** how many are large enough for parts */
  large: number
}

const CLIENTS = 8
const SMALLEST = 16
const LARGEST_SMALL = 32_768
/** Every so many is large. */
const LARGE_EVERY = 50
const MIB = 2 ** 20
const LEAST_LARGE = 5 * MIB + 1
const LARGE_SPAN = 7 * MIB
/** ms without any progress after which the loop gives up: longer than a breaker that has opened often leaves a backend alone */
const PATIENCE = 400_000

/** Each put once, and acknowledged. */
export async function putAll(blobs: number, seed: number, random: SeededRandom, server: ServerProcess): Promise<Load> {
  const digests = new Map<string, string>()
  let large = 0
  const all = Array.from({ length: blobs }, (_, index) => ({
    index,
    size:
      index % LARGE_EVERY === LARGE_EVERY - 1
        ? LEAST_LARGE + random.below(LARGE_SPAN)
        : SMALLEST + random.below(LARGEST_SMALL),
  })).values()
  const lane = async (): Promise<void> => {
    for (const { index, size } of all) {
      const key = `blob-${index}`
      const bytes = Buffer.alloc(size, `blob ${index} of the loop with seed ${seed} `)
      bytes.writeUInt32LE(index, 0)
      const answer = await server.send("PUT", objectPath(key), bytes)
      if (answer.status >= 300) throw new Error(`put of ${key}: ${answer.status} ${answer.body.toString()}`)
      digests.set(key, createHash("sha256").update(bytes).digest("hex"))
      if (size >= LEAST_LARGE) large += 1
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, lane))
  return { digests, large }
}

/**
 * A server in another process gives no signal for this over HTTP: it is asked again and again, for as long as the work goes on. When all that is left has used up
 * its tries, it is put back to work, as every hour does.
 */
export async function untilProven(
  server: ServerProcess,
  blobs: number,
  say: (line: string) => void,
): Promise<{ revived: number; fault: string | null }> {
  let revived = 0
  let [least, since] = [Number.POSITIVE_INFINITY, performance.now()]
  for (;;) {
    const status = JSON.parse((await server.send("GET", "/v1/status")).body.toString()) as StoreStatus
    const sum = (name: "due" | "parked"): number => status.queues.reduce((total, queue) => total + queue[name], 0)
    const [due, parked] = [sum("due"), sum("parked")]
    if (due + parked === 0) {
      const fault = status.objects === blobs ? null : `${status.objects} objects instead of ${blobs}`
      return { revived, fault }
    }
    if (due === 0) {
      const answer = await server.send("POST", "/v1/retry")
      if (answer.status >= 300) return { revived, fault: `retry: ${answer.status} ${answer.body.toString()}` }
      revived += parked
    }
    if (due + parked < least) [least, since] = [due + parked, performance.now()]
    else if (performance.now() - since > PATIENCE)
      return { revived, fault: `${due + parked} jobs are left after ${PATIENCE} ms without progress` }
    say(`${due} jobs are left, ${parked} are given up for now, the breaker is ${status.backends[0]?.breaker}`)
    await pause(500)
  }
}
