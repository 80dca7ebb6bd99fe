/** Events over a real Redis: live, and from the journal what was missed, each fact once. */

import { Redis } from "ioredis"
import { afterEach, describe, expect, it } from "vitest"
import { createEventPublisher, type EventPublisher } from "../../queues/event-publisher.ts"
import { type EventSubscriber, subscribeEvents } from "../../queues/event-subscriber.ts"
import type { StoreEvent } from "../../src/core/event.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const CHANNEL = "test:events"
const QUIET = { lost: () => {}, found: () => {} }

function added(sequence: number): StoreEvent {
  return { type: "backend:add", sequence, time: sequence, data: { backend: `b${sequence}`, driver: "fs" } }
}

const HINT: StoreEvent = { type: "watch", sequence: null, time: 1, data: { type: "add", key: "k", backend: "b" } }

interface Server {
  redis: OwnRedisServer
  journal: StoreEvent[]
  publisher: EventPublisher
  /** A fact: first in the journal, then told. */
  commit(sequence: number): void
}

async function start(): Promise<Server> {
  const redis = await startOwnRedis()
  ends.push(() => redis.stop())
  const journal: StoreEvent[] = []
  const publisher = createEventPublisher(redis.url, CHANNEL, QUIET)
  ends.push(() => publisher.close())
  const commit = (sequence: number): void => {
    journal.push(added(sequence))
    publisher.publish(added(sequence))
  }
  return { redis, journal, publisher, commit }
}

function listen(server: Server, options: { after?: number; reads?: { count: number }; fault?(): Error | null } = {}) {
  const heard: (number | null)[] = []
  const errors: unknown[] = []
  const waiters: [() => boolean, () => void][] = []
  const subscriber: EventSubscriber = subscribeEvents({
    url: server.redis.url,
    channel: CHANNEL,
    after: options.after ?? 0,
    past: async function* (after) {
      if (options.reads) options.reads.count += 1
      const fault = options.fault?.()
      if (fault) throw fault
      for (const event of [...server.journal]) if ((event.sequence ?? 0) > after) yield event
    },
    listener: (event) => {
      heard.push(event.sequence)
      for (const [isMet, resolve] of waiters) if (isMet()) resolve()
    },
    onError: (error) => void errors.push(error),
  })
  ends.push(() => subscriber.close())
  const has = (sequence: number | null): Promise<void> =>
    new Promise((resolve) => {
      if (heard.includes(sequence)) return resolve()
      waiters.push([() => heard.includes(sequence), resolve])
    })
  return { subscriber, heard, errors, has }
}

describe("events of another process", () => {
  it("come from the journal first, then live, hints too, each fact once", async () => {
    const server = await start()
    server.commit(1)
    server.commit(2)
    const { subscriber, heard, has } = listen(server)
    await subscriber.caughtUp()
    expect(heard).toEqual([1, 2])
    server.commit(4)
    server.publisher.publish(HINT)
    server.publisher.publish(added(3))
    await has(3)
    expect(heard).toEqual([1, 2, 4, null, 3])
  })

  it("begin behind the sequence that was asked for", async () => {
    const server = await start()
    for (const sequence of [1, 2, 3]) server.commit(sequence)
    const { subscriber, heard, has } = listen(server, { after: 2 })
    await subscriber.caughtUp()
    server.publisher.publish(added(1))
    server.commit(4)
    await has(4)
    expect(heard).toEqual([3, 4])
  })

  it("that were published while Redis was away come once it is back, without another one", async () => {
    const server = await start()
    const { subscriber, heard, has } = listen(server)
    await subscriber.caughtUp()
    server.commit(1)
    await has(1)
    await server.redis.kill()
    server.commit(2)
    server.commit(3)
    await server.redis.start()
    await has(3)
    server.commit(4)
    await has(4)
    expect(heard).toEqual([1, 2, 3, 4])
  })

  it("that one message lacks are read from the journal", async () => {
    const server = await start()
    const reads = { count: 0 }
    const { subscriber, heard, has } = listen(server, { reads })
    await subscriber.caughtUp()
    // Twice: the first message of a life is a reason to look by itself.
    for (const sequence of [1, 2]) {
      server.commit(sequence)
      await has(sequence)
    }
    await subscriber.caughtUp()
    // Committed, and lost on the way: the next one bears a number too many.
    server.journal.push(added(3))
    const client = new Redis(server.redis.url)
    ends.push(() => client.disconnect())
    const before = reads.count
    await client.publish(CHANNEL, JSON.stringify({ version: 1, life: "another", number: 9, event: added(4) }))
    await has(4)
    expect(heard.sort()).toEqual([1, 2, 3, 4])
    expect(reads.count).toBe(before + 1)
  })

  it("are told once the journal can be read again, and the fault is told", async () => {
    const server = await start()
    server.commit(1)
    let fault: Error | null = new Error("the server is away")
    const { errors, has } = listen(server, {
      fault: () => {
        const now = fault
        fault = null
        return now
      },
    })
    await has(1)
    expect(errors).toHaveLength(1)
  })

  it("are not made by what anybody else publishes on the channel", async () => {
    const server = await start()
    const { subscriber, heard, has } = listen(server)
    await subscriber.caughtUp()
    const client = new Redis(server.redis.url)
    ends.push(() => client.disconnect())
    for (const text of [
      "",
      "{",
      "null",
      '{"version":2}',
      JSON.stringify({ version: 1, life: "x", number: 1, event: { type: "no" } }),
    ])
      await client.publish(CHANNEL, text)
    server.commit(1)
    await has(1)
    expect(heard).toEqual([1])
  })

  it("end with the subscriber", async () => {
    const server = await start()
    const { subscriber, heard } = listen(server)
    await subscriber.caughtUp()
    subscriber.close()
    const other = listen(server)
    await other.subscriber.caughtUp()
    server.commit(1)
    await other.has(1)
    expect(heard).toEqual([])
  })
})
