/** `npm run pool` with a real Redis, the real server and real workers. */
import { randomBytes } from "node:crypto"
import { readdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { describe, expect, onTestFinished, test } from "vitest"
import { provideProgram } from "../programs.ts"
import { freePort, startOwnRedis } from "../redis-server.ts"
import { temporaryDirectory } from "./open-store.ts"
import { isAlive, startPool } from "./pool-lines.ts"

describe("the pool on one machine", () => {
  test("starts all of it, brings back what is killed, and ends in order with nothing left", async () => {
    await provideProgram("redis-server", ["--version"], "redis-server")
    const data = join(await temporaryDirectory(), "data")
    const pool = startPool({ STORED_DATA: data, REDIS_URL: `redis://127.0.0.1:${await freePort()}` }, [
      "--workers",
      "3",
    ])
    const [, url = ""] = await pool.line(/^pool +\| 3 workers for (\S+);/)
    const process = async (name: string, start = 0): Promise<number> =>
      Number((await pool.line(new RegExp(`^pool +\\| ${name} started as process (\\d+)`), start))[1])
    for (const number of [1, 2, 3]) await pool.line(new RegExp(`^worker\\.${number} *\\| +queues +.*sync-local`))

    const bytes = randomBytes(300_000)
    const put = (key: string) =>
      fetch(`${url}/v1/objects/${key}`, { method: "PUT", body: bytes, headers: { "x-stored-durability": "all" } })
    expect((await put("a")).status).toBe(201)

    const worker = await process("worker\\.2")
    let mark = pool.lines.length
    globalThis.process.kill(worker, "SIGKILL")
    await pool.line(/worker\.2 was ended by SIGKILL; it is started again in 1000 ms/, mark)
    await pool.line(/^worker\.2 *\| +queues/, mark)

    mark = pool.lines.length
    globalThis.process.kill(await process("server"), "SIGKILL")
    const [, again] = await pool.line(/^server *\| StoreD listens on (\S+)/, mark)
    expect(again).toBe(url)
    await pool.line(/^server *\| +try/, mark)
    expect((await put("b")).status).toBe(201)
    expect(Buffer.from(await (await fetch(`${url}/v1/objects/a`)).arrayBuffer()).equals(bytes)).toBe(true)
    expect(await readdir(join(data, "objects"))).toEqual(expect.arrayContaining(["a", "b"]))
    expect(await readdir(join(data, "redis"))).toContain("appendonlydir")

    mark = pool.lines.length
    pool.child.kill("SIGTERM")
    expect(await pool.ended).toBe(0)
    const ends = pool.lines
      .slice(mark)
      .flatMap((line) => /^pool +\| ([a-z]+)\S* ended with (\d+)$/.exec(line)?.slice(1, 3).join(" ") ?? [])
    expect(ends).toEqual(["worker 0", "worker 0", "worker 0", "server 0", "redis 0"])
    const pids = pool.lines.flatMap((line) => Number(/ started as process (\d+)/.exec(line)?.[1] ?? Number.NaN))
    expect(pids.filter((pid) => !Number.isNaN(pid)).filter(isAlive)).toEqual([])
    expect(pool.err()).toBe("")
  })

  test("uses a Redis that answers, and leaves it running", async () => {
    const redis = await startOwnRedis()
    onTestFinished(() => redis.stop())
    const pool = startPool({ STORED_DATA: await temporaryDirectory(), REDIS_URL: redis.url }, ["--workers", "1"])
    await pool.line(/^worker\.1 *\| +queues/)
    pool.child.kill("SIGINT")
    expect(await pool.ended).toBe(0)
    expect(pool.lines.filter((line) => /^redis|\| redis /.test(line))).toEqual([])
    expect(pool.lines[0]).toMatch(/a Redis answers at REDIS_URL/)
    // It still answers.
    const next = startPool({ REDIS_URL: redis.url, STORED_PORT: "none" })
    expect(await next.ended).toBe(2)
    expect(next.lines[0]).toMatch(/a Redis answers at REDIS_URL/)
    expect(next.lines.join("\n")).toMatch(/server +\| stored: STORED_PORT: /)
    expect(next.lines.join("\n")).not.toMatch(/worker\.1 started/)
  })
})

describe("the pool says in one sentence what is missing", () => {
  test.each<[string, () => Promise<Record<string, string>>, number, RegExp]>([
    [
      "a redis-server",
      async () => ({ REDIS_URL: `redis://127.0.0.1:${await freePort()}`, PATH: dirname(process.execPath) }),
      5,
      /none is installed: install redis-server .*or set REDIS_URL/,
    ],
    [
      "a Redis with a password",
      async () => ({ REDIS_URL: `redis://me:secret@127.0.0.1:${await freePort()}` }),
      5,
      /password is not started here/,
    ],
    ["a Redis on another host", async () => ({ REDIS_URL: "redis://me:secret@nowhere.invalid" }), 5, /cannot be used/],
    ["a pool", async () => ({ REDIS_URL: "inline" }), 2, /REDIS_URL: the pool needs redis:/],
  ])("%s", async (_, env, code, sentence) => {
    const pool = startPool({ STORED_DATA: await temporaryDirectory(), ...(await env()) })
    expect(await pool.ended).toBe(code)
    expect(pool.err()).toMatch(/^pool: [^\n]+\n$/)
    expect(pool.err()).toMatch(sentence)
    expect(pool.err()).not.toMatch(/secret/)
    expect(pool.lines).toEqual([])
  })

  test.each([[["--workers", "0"]], [["--workers", "many"]], [["--wrokers", "2"]], [["two"]]])(
    "usage: %s",
    async (words) => {
      const pool = startPool({}, words)
      expect(await pool.ended).toBe(2)
      expect(pool.err()).toMatch(/^pool: [^\n]+\n$/)
    },
  )
})
