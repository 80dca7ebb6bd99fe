/** The client's way to the queue: opened at the first use, so that whoever never queues a put needs no Redis and loads nothing for it. */
import { type IngestQueue, QUEUE_PREFIX } from "../../queues/ingest.ts"
import { StoredError } from "../core/error.ts"
import { isRedisUrl } from "../core/redis-url.ts"
import { closed } from "./link.ts"

export interface RedisOptions {
  /** `redis://host:port` or `rediss://user:password@host:port`, that of the server; never shown */
  url: string
  /** of every key, as the server has it; default `stored` */
  prefix?: string
}

export class LazyIngestQueue {
  readonly #options: { url: string; prefix: string } | null
  #opening: Promise<IngestQueue> | null = null
  #isClosed = false

  /** @throws StoredError INVALID_INPUT, without the address */
  constructor(options: RedisOptions | undefined) {
    this.#options = options === undefined ? null : checked(options)
  }

  /** @throws StoredError INVALID_CONFIG where the client has no Redis, CLOSED */
  readonly open = async (): Promise<IngestQueue> => {
    if (!this.#options) throw noRedis()
    if (this.#isClosed) throw closed()
    this.#opening ??= load(this.#options)
    const queue = await this.#opening
    if (this.#isClosed) throw closed()
    return queue
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const queue = await this.#opening
    queue?.close()
  }
}

async function load(options: { url: string; prefix: string }): Promise<IngestQueue> {
  const { createBullIngestQueue } = await import("../../queues/bullmq/ingest-queue.ts")
  return createBullIngestQueue(options)
}

function checked({ url, prefix = "stored" }: RedisOptions): { url: string; prefix: string } {
  if (typeof url !== "string" || !isRedisUrl(url)) {
    throw new StoredError(
      "INVALID_INPUT",
      "redis.url is not the address of a Redis; write it as redis://host:port or rediss://user:password@host:port.",
    )
  }
  if (typeof prefix === "string" && QUEUE_PREFIX.test(prefix)) return { url, prefix }
  throw new StoredError("INVALID_INPUT", 'redis.prefix is none; give up to 64 letters, digits, "_", "-" or braces.')
}

function noRedis(): StoredError {
  return new StoredError(
    "INVALID_CONFIG",
    "Puts are queued in a Redis, and this client has none; connect with { redis: { url, prefix } }, those of the server.",
  )
}
