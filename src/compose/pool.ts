/** The pool shape's own parts: the way to Redis, and the desk for workers. */
import { resolve } from "node:path"
import { createBullTransport } from "../../queues/bullmq.ts"
import type { LaneOptions } from "../../queues/embedded.ts"
import { Pool } from "../../queues/pool.ts"
import type { Transport } from "../../queues/transport.ts"
import { writeProbe } from "../staging/probe.ts"
import type { BackendSet } from "../store/backend-set.ts"
import type { Log } from "../store/log.ts"

export interface RedisSettings {
  /** `redis://` or `rediss://` */
  url: string
  /** of every key */
  prefix: string
}

export interface PoolParts {
  redis: RedisSettings
  /** what a line needs in every shape */
  lines: Omit<LaneOptions, "handlers">
  backends: BackendSet
  stagingDirectory: string
  log: Log
}

/** Waits for nothing but the local disk: Redis may be down for as long as it likes. @throws StoredError INVALID_CONFIG for a URL that is none */
export async function openPool({ redis, lines, backends, stagingDirectory, log }: PoolParts): Promise<{
  pool: Pool
  transport: Transport
}> {
  const directory = resolve(stagingDirectory)
  const probe = await writeProbe(directory)
  const transport = createBullTransport({
    ...redis,
    events: {
      lost: (error) =>
        log.warn({ error: error.message }, "Redis does not answer; jobs wait in the outbox until it does"),
      found: () => log.info({}, "Redis answers again"),
      trouble: (error) => log.debug?.({ error: error.message }, "BullMQ met a fault"),
    },
  })
  const pool = new Pool({
    ...lines,
    transport,
    random: Math.random,
    configuration: () => ({
      prefix: redis.prefix,
      backends: backends
        .names()
        .map((name) => backends.get(name))
        .filter(({ inProcess }) => !inProcess)
        .map(({ name, settings, concurrency }) => ({ name, settings, concurrency })),
      staging: { directory, probe },
    }),
  })
  return { pool, transport }
}
