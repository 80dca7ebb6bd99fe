/** The users of infra/redis/users.acl, on a real Redis that infra/redis/start.sh has started: they can do their work, and nothing else. */
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { openBoardQueues } from "../queues/bullmq/board-queues.ts"
import { createBullIngestIntakes } from "../queues/bullmq/ingest-intakes.ts"
import { createBullIngestQueue } from "../queues/bullmq/ingest-queue.ts"
import { watchIngest } from "../queues/bullmq/ingest-watch.ts"
import { createBullIntakes, createBullTransport } from "../queues/bullmq.ts"
import { DEFAULT_EVENT_CHANNEL } from "../queues/event-message.ts"
import { redisAdvice } from "../queues/redis-health.ts"
import { transportSuite } from "./contract/transport.suite.ts"
import { run } from "./programs.ts"
import { type OwnRedisServer, startOwnRedis } from "./redis-server.ts"

const PASSWORDS = { server: "the-password-of-the-server", worker: "the-password-of-workers", admin: "of-the-test" }
let directory: string
let redis: OwnRedisServer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stored-users-"))
  await cp(new URL("../infra/redis", import.meta.url), directory, { recursive: true })
  // One more user, to see what the others were refused and to make the transport forget.
  await appendFile(join(directory, "users.acl"), `user admin on >${PASSWORDS.admin} ~* &* +@all\n`)
  await writeFile(join(directory, "redis_server_password"), `${PASSWORDS.server}\n`)
  redis = await startOwnRedis([], {
    program: join(directory, "start.sh"),
    env: {
      REDIS_WORKER_PASSWORD: PASSWORDS.worker,
      REDIS_SECRETS: directory,
      REDIS_USERS: join(directory, "real.acl"),
      REDIS_DATA: directory,
    },
  })
})

afterAll(async () => {
  await redis?.stop()
  await rm(directory, { recursive: true, force: true })
})

const urlFor = (user: keyof typeof PASSWORDS): string => redis.url.replace("//", `//${user}:${PASSWORDS[user]}@`)

function client(url: string): Redis {
  const connection = new Redis(url)
  connection.on("error", () => {})
  onTestFinished(() => connection.disconnect())
  return connection
}

transportSuite("bullmq with the users of infra/redis", async () => {
  const events = {
    lost: (error: Error) => console.error("redis lost", error.message),
    found: () => {},
    trouble: (error: Error) => console.error("bullmq", error.message),
  }
  const transport = createBullTransport({ url: urlFor("server"), prefix: "stored", events })
  const intakes = createBullIntakes({
    url: urlFor("worker"),
    prefix: "stored",
    events,
    handBack: { baseDelay: 1, maxDelay: 5 },
  })
  return {
    transport,
    intakes,
    wipe: async () => {
      const admin = new Redis(urlFor("admin"))
      await admin.flushall()
      admin.disconnect()
    },
    end: async () => {
      await intakes.close()
      await transport.close()
    },
  }
})

describe("puts by reference with the users of infra/redis", () => {
  const events = { lost: () => {}, found: () => {}, trouble: (error: Error) => console.error("bullmq", error.message) }

  it.each(["worker", "server"] as const)(
    "are queued and asked for by a client that is the %s, and done by a worker",
    async (user) => {
      const queue = createBullIngestQueue({ url: urlFor(user), prefix: "stored" })
      onTestFinished(() => queue.close())
      const id = `put-of-${user}`
      const put = { version: 1, kind: "ingest", id, source: { type: "bytes", base64: "eA==" }, options: {} } as const
      await queue.add(put)
      // Told apart from another one under its id, for which Redis has to show it.
      await expect(queue.add({ ...put, options: { key: "other" } })).rejects.toMatchObject({ code: "CONFLICT" })
      expect(await queue.outcome(id)).toEqual({ state: "waiting" })

      const board = openBoardQueues({ url: urlFor("server"), prefix: "stored", events })
      onTestFinished(() => board.close())
      const [shown] = board.of(["ingest"])
      expect(await shown!.getJobCounts()).toMatchObject({ waiting: 1 })
      expect((await shown!.getJobs(["waiting"])).map((job) => job.toJSON().id)).toEqual([`ingest-${id}`])
      const watch = watchIngest({ url: urlFor("server"), prefix: "stored", events }, 20)
      onTestFinished(() => watch.close())
      await vi.waitFor(() => expect(watch.counts()).toMatchObject({ due: 1, oldest: expect.any(Number) }), 20_000)

      const intakes = createBullIngestIntakes({ url: urlFor("worker"), prefix: "stored", events })
      intakes.open({ concurrency: 1, take: async () => ({ done: true }) })
      await vi.waitFor(
        async () => expect(await queue.outcome(id)).toEqual({ state: "done", result: { done: true } }),
        20_000,
      )
      await intakes.close()
    },
  )
})

describe("the users of infra/redis", () => {
  it("were refused nothing while they worked", async () => {
    const log = (await client(urlFor("admin")).call("ACL", "LOG")) as unknown[][]
    expect(log.map((entry) => entry.slice(0, 12).join(" "))).toEqual([])
  })

  it.each(["server", "worker"] as const)("may run every command of BullMQ's scripts that the %s uses", async (user) => {
    const admin = client(urlFor("admin"))
    const commands = await commandsOf(SCRIPTS[user])
    expect(commands.length).toBeGreaterThan(20)
    const users = (await admin.call("ACL", "GETUSER", user)) as string[]
    const allowed = users[users.indexOf("commands") + 1]!.split(" ")
    expect(commands.filter((command) => !allowed.includes(`+${command}`))).toEqual([])
  })

  it("the server publishes and hears events, and sees how Redis is set up", async () => {
    const [hears, tells] = [client(urlFor("server")), client(urlFor("server"))]
    const heard = new Promise((resolve) => hears.on("message", (_, text) => resolve(text)))
    await hears.subscribe(DEFAULT_EVENT_CHANNEL)
    await tells.publish(DEFAULT_EVENT_CHANNEL, "put")
    expect(await heard).toBe("put")
    expect(await redisAdvice(urlFor("server"), new AbortController().signal)).toEqual([])
  })

  it.each<["server" | "worker", string]>([
    ...["FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG GET *", "ACL LIST", "SCRIPT FLUSH", "SHUTDOWN", "MONITOR"].flatMap(
      (command) => [["server", command] as ["server", string], ["worker", command] as ["worker", string]],
    ),
    ["server", "GET other"],
    ["server", "PUBLISH other x"],
    ["server", "EVAL return(redis.call('get','other')) 0"],
    ["server", "BZPOPMIN stored:x 1"],
    ["worker", "SET other 1"],
    ["worker", `PUBLISH ${DEFAULT_EVENT_CHANNEL} x`],
    ["worker", `SUBSCRIBE ${DEFAULT_EVENT_CHANNEL}`],
    ["worker", "CLIENT KILL TYPE normal"],
  ])("the %s may not %s", async (user, command) => {
    const [word = "", ...words] = command.split(" ")
    await expect(client(urlFor(user)).call(word, ...words)).rejects.toThrow(/NOPERM|permission|script/)
  })

  it("nobody comes in without a name or with a wrong password, and the probe only pings", async () => {
    await expect(client(redis.url).get("stored:x")).rejects.toThrow("NOAUTH")
    await expect(client(redis.url.replace("//", "//server:wrong@")).ping()).rejects.toThrow()
    const probe = client(redis.url.replace("//", "//probe:any@"))
    expect(await probe.ping()).toBe("PONG")
    await expect(probe.get("stored:x")).rejects.toThrow("NOPERM")
  })

  it("have their passwords in the file of users only as hashes, and that file is Redis's alone", async () => {
    const users = await readFile(join(directory, "real.acl"), "utf8")
    expect(users).not.toMatch(/@SERVER@|@WORKER@|the-password/)
    expect((await run("stat", ["-c", "%a", join(directory, "real.acl")])).stdout).toBe("600\n")
  })

  it.each([
    ["short", "redis_worker_password needs at least 16"],
    [null, "redis_worker_password needs at least 16"],
  ])("are not made with the password %j", async (password, sentence) => {
    const secrets = await mkdtemp(join(tmpdir(), "stored-secrets-"))
    onTestFinished(() => rm(secrets, { recursive: true, force: true }))
    await writeFile(join(secrets, "redis_server_password"), PASSWORDS.server)
    if (password) await writeFile(join(secrets, "redis_worker_password"), password)
    const env = { ...process.env, REDIS_SECRETS: secrets, REDIS_USERS: join(secrets, "users.acl") }
    await expect(run(join(directory, "start.sh"), ["--port", "0"], { env, timeout: 10_000 })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(sentence),
    })
  })
})

/** The scripts that each end of the transport runs. */
const SCRIPTS = {
  server: ["addStandardJob", "obliterate"],
  worker: [
    "moveToActive",
    "moveToFinished",
    "extendLock",
    "extendLocks",
    "moveStalledJobsToWait",
    "releaseLock",
    "moveJobFromActiveToWait",
    "moveToDelayed",
  ],
}

async function commandsOf(scripts: readonly string[]): Promise<string[]> {
  const folder = new URL("../node_modules/bullmq/dist/cjs/scripts/", import.meta.url)
  const { stdout } = await run("ls", [folder.pathname])
  const files = scripts.map((script) =>
    stdout.split("\n").find((name) => new RegExp(`^${script}-\\d+\\.js$`).test(name)),
  )
  const texts = await Promise.all(files.map((file) => readFile(new URL(file ?? "missing", folder), "utf8")))
  const calls = texts.flatMap((text) => [
    ...text.matchAll(/(?:(?:rcall|redis\.p?call)\(["']([A-Za-z]+)|["']([LR]PUSH)["'])/g),
  ])
  return [...new Set(calls.map(([, called, named]) => (called ?? named ?? "").toLowerCase()))].sort()
}
