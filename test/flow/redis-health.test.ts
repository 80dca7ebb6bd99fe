/** What the server says about a Redis that does not keep what it is given, on a real one. */
import { Redis } from "ioredis"
import { expect, onTestFinished, test } from "vitest"
import { redisAdvice, watchRedisHealth } from "../../queues/redis-health.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

async function start(more: readonly string[] = []): Promise<OwnRedisServer> {
  const redis = await startOwnRedis(more)
  onTestFinished(() => redis.stop())
  return redis
}

async function configure(url: string, ...words: string[]): Promise<void> {
  const client = new Redis(url)
  await client.call(words[0]!, ...words.slice(1))
  client.disconnect()
}

const idle = new AbortController().signal

test("a Redis that keeps everything needs no advice", async () => {
  expect(await redisAdvice((await start()).url, idle)).toEqual([])
})

test("one that evicts and one without AOF are told of, each with what to set", async () => {
  const redis = await start(["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"])
  expect(await redisAdvice(redis.url, idle)).toEqual([
    expect.stringMatching(/maxmemory-policy of this Redis is allkeys-lru.*noeviction/),
    expect.stringMatching(/AOF is off.*appendonly yes/),
  ])
})

test("one that does not tell: it says that it could not look, and what to look for", async () => {
  const redis = await start()
  await configure(redis.url, "ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+@all", "-info")
  const advice = await redisAdvice(redis.url.replace("//", "//narrow:secret@"), idle)
  expect(advice).toEqual([expect.stringMatching(/could not be seen .*NOPERM.*noeviction.*appendonly yes/)])
  expect(advice.join()).not.toContain("secret")
})

test("one that is gone before it answers is told of the same way, and a look that is ended leaves nothing", async () => {
  const redis = await start()
  await redis.kill()
  expect(await redisAdvice(redis.url, idle)).toEqual([expect.stringMatching(/could not be seen .*ECONNREFUSED/)])
  const ending = new AbortController()
  const advice = redisAdvice("redis://192.0.2.1:6379", ending.signal)
  ending.abort()
  expect(await advice).toEqual([expect.stringMatching(/could not be seen/)])
})

test("a look at each connection repeats nothing, and tells what has changed", async () => {
  const redis = await start(["--appendonly", "no"])
  let connected: (() => unknown) | null = null
  const said: string[] = []
  const end = watchRedisHealth({
    url: redis.url,
    transport: {
      onReady: (listener) => {
        connected = listener
        return () => {
          connected = null
        }
      },
    },
    advise: (sentence) => void said.push(sentence),
  })
  await connected!()
  expect(said).toEqual([expect.stringMatching(/AOF is off/)])
  await connected!()
  expect(said).toHaveLength(1)
  await configure(redis.url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
  await connected!()
  expect(said.slice(1)).toEqual([expect.stringMatching(/allkeys-lru/), expect.stringMatching(/AOF is off/)])
  const look = connected!()
  end()
  await look
  expect([said.length, connected]).toEqual([3, null])
})

test("the server says it in its log, and serves all the same", async () => {
  const redis = await start(["--appendonly", "no"])
  const server = await startProcess({
    STORED_DATA: await temporaryDirectory(),
    REDIS_URL: redis.url,
    STORED_WORKER_TOKEN: "0123456789abcdef",
  })
  const warned = new Promise<void>((resolve) => {
    const look = (): void => void (/AOF is off/.test(server.said()) && resolve())
    server.child.stderr!.on("data", look)
    look()
  })
  await warned
  expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  expect((await server.end()).code).toBe(0)
})

test.each([
  ["stored serve", "src/cli/main.ts", ["serve"]],
  ["npm start", "src/server.ts", []],
])(
  "`%s` refuses a Redis on another host in one sentence, and takes it with --insecure-redis",
  async (_, entry, words) => {
    const env = {
      STORED_DATA: await temporaryDirectory(),
      REDIS_URL: "redis://user:secret@192.0.2.1:6379",
      STORED_WORKER_TOKEN: "0123456789abcdef",
    }
    const main = new URL(`../../${entry}`, import.meta.url).pathname
    const refused = await startProcess(env, [main, ...words]).catch((error: Error) => error.message)
    expect(refused).toMatch(/ended with 2: stored: REDIS_URL: .*TLS and a password.* \[INVALID_CONFIG\]\n$/)
    expect(refused).not.toMatch(/secret|192\.0\.2/)
    const server = await startProcess(env, [main, ...words, "--insecure-redis"])
    // It has a desk for workers, as `npm start` has.
    const answer = await fetch(`${server.url}/internal/configuration`, {
      headers: { authorization: `Bearer ${env.STORED_WORKER_TOKEN}` },
    })
    expect(answer.status).toBe(200)
    const ended = await server.end()
    expect(ended.code).toBe(0)
    expect(ended.err).not.toContain("secret")
  },
)
