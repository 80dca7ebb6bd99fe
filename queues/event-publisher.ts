/** Tells every event of this process to whoever listens on a Redis channel. It waits for nothing: what cannot go now is found in the journal later. */
import { randomBytes } from "node:crypto"
import type { StoreEvent } from "../src/core/event.ts"
import { encodeEvent } from "./event-message.ts"
import { connectRedis, type RedisEvents } from "./redis.ts"

export interface EventPublisher {
  publish(event: StoreEvent): void
  close(): void
}

/** What is told in one turn goes in one write: a write for every event is a tenth of what the server does for a job. */
const OPTIONS = { enableOfflineQueue: false, maxRetriesPerRequest: 0, enableAutoPipelining: true }

export function createEventPublisher(url: string, channel: string, events: RedisEvents): EventPublisher {
  const redis = connectRedis(url, OPTIONS, events)
  const life = randomBytes(9).toString("base64url")
  let number = 0
  const send = (event: StoreEvent | null): void => {
    if (redis.status !== "ready") return
    // The number tells subscribers that one is missing; the connection tells why.
    redis.publish(channel, encodeEvent({ version: 1, life, number, event })).catch(events.lost)
  }
  // What could not go meanwhile may have been the last for a long time.
  redis.on("ready", () => send(null))
  return {
    publish: (event) => {
      number += 1
      send(event)
    },
    close: () => redis.disconnect(),
  }
}
