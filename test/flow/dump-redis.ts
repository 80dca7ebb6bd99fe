/** Everything that a Redis holds, as one text. */
import { Redis } from "ioredis"

export async function dumpRedis(url: string): Promise<string> {
  const client = new Redis(url)
  const parts: unknown[] = []
  for (const key of await client.keys("*")) {
    const read: Record<string, () => Promise<unknown>> = {
      string: () => client.get(key),
      hash: () => client.hgetall(key),
      list: () => client.lrange(key, "0", "-1"),
      set: () => client.smembers(key),
      zset: () => client.zrange(key, "0", "-1"),
      stream: () => client.xrange(key, "-", "+"),
    }
    parts.push(key, await read[await client.type(key)]!())
  }
  client.disconnect()
  return JSON.stringify(parts)
}
