/** BullMQ on a real Redis. */
import { randomBytes } from "node:crypto"
import { Redis } from "ioredis"
import { afterAll, beforeAll } from "vitest"
import { createBullIntakes, createBullTransport } from "../../queues/bullmq.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { transportSuite } from "./transport.suite.ts"

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis.stop()
})

transportSuite("bullmq", async () => {
  const prefix = `test-${randomBytes(4).toString("hex")}`
  const events = {
    lost: (error: Error) => console.error("redis lost", error.message),
    found: () => {},
    trouble: (error: Error) => console.error("bullmq", error.message),
  }
  const transport = createBullTransport({ url: redis.url, prefix, events })
  const intakes = createBullIntakes({ url: redis.url, prefix, events })
  return {
    transport,
    intakes,
    wipe: async () => {
      const client = new Redis(redis.url)
      const keys = await client.keys(`${prefix}:*`)
      if (keys.length > 0) await client.del(...keys)
      client.disconnect()
    },
    end: async () => {
      await intakes.close()
      await transport.close()
    },
  }
})
