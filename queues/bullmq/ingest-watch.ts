/**
 * What waits in the queue of puts by reference, for whoever looks at the server: counted every few seconds, over a connection of its own. No outbox knows
 * of these, so that while Redis is away nobody does.
 */
import type { Redis } from "ioredis"
import type { BullOptions } from "../bullmq.ts"
import { INGEST_QUEUE } from "../ingest.ts"
import { connectRedis } from "../redis.ts"
import { inTime } from "./in-time.ts"

/** As `status` tells of every queue. */
export interface IngestCounts {
  queue: typeof INGEST_QUEUE
  /** waiting, waiting for a later try, and running */
  due: number
  running: number
  /** failed for good; kept for a day */
  parked: number
  /** UTC ms when the one was queued that has waited longest, null where none waits */
  oldest: number | null
}

export interface IngestWatch {
  /** as counted last; null where that is not known */
  counts(): IngestCounts | null
  close(): void
}

/** @param every ms between two counts. @throws StoredError INVALID_CONFIG where the URL is none */
export function watchIngest({ url, prefix, events }: BullOptions, every: number): IngestWatch {
  const redis = connectRedis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 }, events)
  let counts: IngestCounts | null = null
  let isCounting = false
  const count = async (): Promise<void> => {
    if (isCounting) return
    isCounting = true
    try {
      counts = redis.status === "ready" ? await inTime(countIngest(redis, `${prefix}:${INGEST_QUEUE}:`)) : null
    } catch (error) {
      counts = null
      events.trouble(error as Error)
    } finally {
      isCounting = false
    }
  }
  redis.on("ready", () => void count())
  const timer = setInterval(() => void count(), every)
  timer.unref()
  return {
    counts: () => counts,
    close: () => {
      clearInterval(timer)
      redis.disconnect()
    },
  }
}

async function countIngest(redis: Redis, key: string): Promise<IngestCounts> {
  const [wait, paused, prioritized, delayed, running, parked, [last = null]] = await Promise.all([
    redis.llen(`${key}wait`),
    redis.llen(`${key}paused`),
    redis.zcard(`${key}prioritized`),
    redis.zcard(`${key}delayed`),
    redis.llen(`${key}active`),
    redis.zcard(`${key}failed`),
    // They are taken from the end.
    redis.lrange(`${key}wait`, -1, -1),
  ])
  const queued = last === null ? null : Number(await redis.hget(key + last, "timestamp"))
  const due = wait + paused + prioritized + delayed + running
  return { queue: INGEST_QUEUE, due, running, parked, oldest: queued || null }
}
