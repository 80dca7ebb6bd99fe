/** One connection to Redis, as every part of the pool makes it: it comes back by itself, and tells once when it goes and once when it comes. */
import { Redis, type RedisOptions } from "ioredis"
import { StoredError } from "../src/core/error.ts"
import { isRedisUrl, REDIS_URL_RULE } from "../src/core/redis-url.ts"

/** ms */
const FIRST_RETRY = 50
const LONGEST_RETRY = 2_000
const CONNECT_TIMEOUT = 5_000

export interface RedisEvents {
  /** the way to Redis is lost; it is tried again for as long as the connection is open */
  lost(error: Error): void
  found(): void
}

/** @throws StoredError INVALID_CONFIG where the URL is none */
export function connectRedis(url: string, options: RedisOptions, events: RedisEvents): Redis {
  if (!isRedisUrl(url)) throw new StoredError("INVALID_CONFIG", `The address of Redis is none: ${REDIS_URL_RULE}.`)
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT,
    retryStrategy: (times) =>
      Math.min(FIRST_RETRY * 2 ** Math.min(times - 1, 20), LONGEST_RETRY) * (0.8 + 0.4 * Math.random()),
    ...options,
  })
  let isLost = false
  redis.on("error", (error: Error) => {
    if (!isLost) events.lost(withoutAddress(error))
    isLost = true
  })
  redis.on("ready", () => {
    if (isLost) events.found()
    isLost = false
  })
  return redis
}

/** The command that failed stays out: its arguments are nobody's business. */
function withoutAddress(error: Error): Error {
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : ""
  return new Error(`${code}${error.message}`)
}
