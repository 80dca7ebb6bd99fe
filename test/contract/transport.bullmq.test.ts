/** BullMQ on a real Redis. */
import { randomBytes } from "node:crypto"
import { Queue } from "bullmq"
import { Redis } from "ioredis"
import { afterAll, beforeAll, expect, test } from "vitest"
import { createBullIntakes, createBullTransport } from "../../queues/bullmq.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { transportSuite } from "./transport.suite.ts"

const EVENTS = {
  lost: (error: Error) => console.error("redis lost", error.message),
  found: () => {},
  trouble: (error: Error) => console.error("bullmq", error.message),
}

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis.stop()
})

test("a queue that stayed paused when forgetting it was cut off is taken up again", async () => {
  const prefix = `test-${randomBytes(4).toString("hex")}`
  const queue = new Queue("sync-p", { connection: { url: redis.url }, prefix })
  await queue.pause()
  const transport = createBullTransport({ url: redis.url, prefix, events: EVENTS })
  await new Promise<void>((resolve) => void transport.onReady(resolve))
  await transport.prepare("sync-p")
  expect(await queue.isPaused()).toBe(false)
  await transport.close()
  await queue.close()
})

transportSuite("bullmq", async () => {
  const prefix = `test-${randomBytes(4).toString("hex")}`
  const transport = createBullTransport({ url: redis.url, prefix, events: EVENTS })
  const intakes = createBullIntakes({ url: redis.url, prefix, events: EVENTS, handBack: { baseDelay: 1, maxDelay: 5 } })
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
