/** Whether a Redis is there already, and whether one can be started here. Sentences never repeat the URL, which may hold a password. */
import { access, constants } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { Redis } from "ioredis"
import { isLoopbackRedis, isRedisUrl } from "../../src/core/redis-url.ts"
import { PoolFault } from "./pool-fault.ts"

/** ms */
const CONNECT_TIMEOUT = 2_000
/** BACKEND_UNAVAILABLE and INVALID_CONFIG, as the command line has them */
const UNAVAILABLE = 5
const BAD_CONFIG = 2

/** True where a Redis answers, false where nothing listens. @throws PoolFault where something else is wrong with it */
export async function isRedisThere(url: string): Promise<boolean> {
  if (!isRedisUrl(url))
    throw new PoolFault(
      "REDIS_URL: the pool needs redis://host:port; leave it out for one on this machine.",
      BAD_CONFIG,
    )
  const options = { connectTimeout: CONNECT_TIMEOUT, maxRetriesPerRequest: 0, enableReadyCheck: false }
  const redis = new Redis(url, { ...options, lazyConnect: true, retryStrategy: () => null })
  let reason: unknown = null
  redis.on("error", (error: Error) => {
    reason ??= error
  })
  try {
    await redis.connect()
    await redis.ping()
    return true
  } catch (error) {
    const { code, message } = (reason ?? error) as { code?: string; message: string }
    // It is there, and reads its AOF.
    if (message.startsWith("LOADING")) return true
    if (code === "ECONNREFUSED" && isLoopbackRedis(url)) return false
    throw new PoolFault(
      `The Redis at REDIS_URL cannot be used (${message}): see that it runs and that the address is right.`,
      UNAVAILABLE,
    )
  } finally {
    redis.disconnect()
  }
}

/** Where one that is started here has to listen. @throws PoolFault where that cannot be as the URL says */
export async function portForRedis(url: string, path: string): Promise<number> {
  const { protocol, username, password, port } = new URL(url)
  if (protocol !== "redis:" || username !== "" || password !== "")
    throw new PoolFault(
      "No Redis answers at REDIS_URL, and one with TLS or a password is not started here: start it, or leave REDIS_URL out.",
      UNAVAILABLE,
    )
  if (!(await isOnPath("redis-server", path)))
    throw new PoolFault(
      "No Redis answers at REDIS_URL and none is installed: install redis-server (apt-get install redis-server, brew install redis), or set REDIS_URL to one that runs.",
      UNAVAILABLE,
    )
  return Number(port || 6379)
}

async function isOnPath(program: string, path: string): Promise<boolean> {
  const places = path.split(delimiter).map((directory) => join(directory, program))
  const found = await Promise.allSettled(places.map((place) => access(place, constants.X_OK)))
  return found.some(({ status }) => status === "fulfilled")
}
