/** The pool shape's own parts: the way to Redis, and the desk for workers. */
import { resolve } from "node:path"
import { type BoardQueues, openBoardQueues } from "../../queues/bullmq/board-queues.ts"
import { watchIngest } from "../../queues/bullmq/ingest-watch.ts"
import { createBullTransport } from "../../queues/bullmq.ts"
import type { LaneOptions } from "../../queues/embedded.ts"
import { DEFAULT_EVENT_CHANNEL } from "../../queues/event-message.ts"
import { createEventPublisher } from "../../queues/event-publisher.ts"
import { INGEST_QUEUE } from "../../queues/ingest.ts"
import { CHECKSUM_QUEUE, syncQueue } from "../../queues/job.ts"
import { PACE, type Pace } from "../../queues/pace.ts"
import { Pool } from "../../queues/pool.ts"
import { watchRedisHealth } from "../../queues/redis-health.ts"
import type { Bus } from "../bus.ts"
import type { JsonObject } from "../core/json.ts"
import { writeProbe } from "../staging/probe.ts"
import type { BackendSet } from "../store/backend-set.ts"
import type { Log } from "../store/log.ts"
import type { PoolView } from "../store/services.ts"

export interface RedisSettings {
  /** `redis://` or `rediss://` */
  url: string
  /** of every key */
  prefix: string
  /** where events are published; absent: `stored:events` */
  channel?: string
  /** for tests, which need not wait as long */
  pace?: Partial<Pace>
}

export interface PoolParts {
  redis: RedisSettings
  /** what a line needs in every shape */
  lines: Omit<LaneOptions, "handlers" | "meter">
  backends: BackendSet
  bus: Bus
  stagingDirectory: string
  log: Log
}

export interface OpenedPool {
  pool: Pool
  view: PoolView
  /** its queues, to be looked at; the connection for it is made at the first look */
  board(): ReturnType<BoardQueues["of"]>
  close(): Promise<void>
}

/** Waits for nothing but the local disk: Redis may be down for as long as it likes. @throws StoredError INVALID_CONFIG for a URL that is none */
export async function openPool({ redis, lines, backends, bus, stagingDirectory, log }: PoolParts): Promise<OpenedPool> {
  const directory = resolve(stagingDirectory)
  const probe = await writeProbe(directory)
  const transport = createBullTransport({
    url: redis.url,
    prefix: redis.prefix,
    events: {
      lost: (error) =>
        log.warn({ error: error.message }, "Redis does not answer; jobs wait in the outbox until it does"),
      found: () => log.info({}, "Redis answers again"),
      trouble: (error) => log.debug({ error: error.message }, "BullMQ met a fault"),
    },
  })
  const endHealth = watchRedisHealth({ url: redis.url, transport, advise: (sentence) => log.warn({}, sentence) })
  // Lost and found together with the transport, which says so; the journal has every event for whoever missed some.
  const publisher = createEventPublisher(redis.url, redis.channel ?? DEFAULT_EVENT_CHANNEL, {
    lost: (error) => log.debug({ error: error.message }, "events are not heard now"),
    found: () => {},
  })
  const endEvents = bus.onAny((event) => publisher.publish(event))
  const pool = new Pool({
    ...lines,
    transport,
    random: Math.random,
    ...(redis.pace && { pace: redis.pace }),
    configuration: () => ({
      prefix: redis.prefix,
      backends: backends
        .names()
        .filter((name) => !backends.isLeaving(name))
        .map((name) => backends.get(name))
        .filter(({ inProcess }) => !inProcess)
        .map(({ name, settings, concurrency, backend: { abilities } }) => ({
          name,
          settings,
          concurrency,
          ...foundOut(abilities, backends.identityOf(name)),
        })),
      staging: { directory, probe },
    }),
  })
  const quiet = (error: Error): void => log.debug({ error: error.message }, "queues cannot be looked at now")
  const watched = { ...redis, events: { lost: quiet, found: () => {}, trouble: quiet } }
  const ingest = watchIngest(watched, redis.pace?.countEvery ?? PACE.countEvery)
  let board: BoardQueues | null = null
  const look = (): ReturnType<BoardQueues["of"]> => {
    board ??= openBoardQueues(watched)
    return board.of([CHECKSUM_QUEUE, INGEST_QUEUE, ...pool.configuration().backends.map(({ name }) => syncQueue(name))])
  }
  const close = async (): Promise<void> => {
    pool.close()
    board?.close()
    ingest.close()
    endHealth()
    endEvents()
    publisher.close()
    await transport.close()
  }
  const view: PoolView = {
    workers: () => pool.workers(),
    get isConnected() {
      return pool.isConnected
    },
    ingest: () => ingest.counts(),
  }
  return { pool, view, board: look, close }
}

/** Which place it is goes with the abilities: workers of an older version refuse a field of their own for it. */
function foundOut(abilities: JsonObject | undefined, identity: JsonObject | null): { abilities?: JsonObject } {
  return abilities || identity ? { abilities: { ...abilities, ...(identity && { identity }) } } : {}
}
