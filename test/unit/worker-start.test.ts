/** What a worker is told by its words and its environment, and the secret that both ends read alike. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { parseEnvironment } from "../../src/api/environment.ts"
import { isStoredError } from "../../src/core/error.ts"
import { parseWorkerCommand } from "../../workers/command-line.ts"
import { parseWorkerEnvironment } from "../../workers/environment.ts"
import { problemError } from "../../workers/problem-error.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { temporaryDirectory } from "../flow/open-store.ts"
import { TOKEN } from "./worker-desk.ts"

const GIVEN = { REDIS_URL: "redis://user:geheim@127.0.0.1:6379/2", STORED_WORKER_TOKEN: TOKEN }

function faultOf(work: () => unknown): { code: string; paths: unknown[]; text: string } {
  try {
    work()
  } catch (error) {
    if (!isStoredError(error)) throw error
    const issues = (error.details.issues ?? []) as { path: string }[]
    return { code: error.code, paths: issues.map(({ path }) => path), text: JSON.stringify(error) }
  }
  throw new Error("it was taken")
}

describe("the environment of a worker", () => {
  it("has defaults, and an empty variable is an absent one", () => {
    const defaults = {
      redis: GIVEN.REDIS_URL,
      server: new URL("http://127.0.0.1:7070"),
      token: TOKEN,
      log: "warn",
      grace: 10_000,
      lock: 15_000,
      metrics: null,
      ingest: { limits: { roots: [], urls: { prefixes: [], allowPrivate: false } }, token: null },
      endpoints: "any",
      drivers: [],
      tracing: null,
    }
    expect(parseWorkerEnvironment(GIVEN)).toEqual(defaults)
    const empty = { STORED_URL: "", STORED_LOG: "", STORED_WORKER_GRACE: "" }
    expect(parseWorkerEnvironment({ ...GIVEN, ...empty })).toEqual(defaults)
    const more = { STORED_URL: "https://stored.example/base", STORED_LOG: "trace", STORED_WORKER_GRACE: "0" }
    expect(parseWorkerEnvironment({ ...GIVEN, ...more })).toMatchObject({
      server: new URL("https://stored.example/base"),
      log: "trace",
      grace: 0,
    })
  })

  it("tells every mistake at once, and none of the values", () => {
    const wrong = {
      REDIS_URL: "http://user:geheim@host",
      STORED_URL: "ftp://host",
      STORED_WORKER_TOKEN: "geheim",
      STORED_LOG: "loud",
      STORED_WORKER_GRACE: "-1",
      STORED_WORKER_LOCK: "999",
    }
    const fault = faultOf(() => parseWorkerEnvironment(wrong))
    expect([fault.code, fault.paths]).toEqual(["INVALID_CONFIG", Object.keys(wrong)])
    expect(fault.text).not.toContain("geheim")
    expect(faultOf(() => parseWorkerEnvironment({})).paths).toEqual(["REDIS_URL", "STORED_WORKER_TOKEN"])
    expect(faultOf(() => parseWorkerEnvironment({ ...GIVEN, REDIS_URL: "inline" })).paths).toEqual(["REDIS_URL"])
  })
})

describe("a Redis on another host", () => {
  const at = (REDIS_URL: string, more = {}) => parseWorkerEnvironment({ ...GIVEN, REDIS_URL, ...more }).redis

  it.each(["redis://10.0.0.1", "redis://:geheim@10.0.0.1", "rediss://redis.example", "redis://127.0.0.1.example"])(
    "is refused where it is not guarded: %s",
    (url) => {
      const fault = faultOf(() => at(url))
      expect([fault.code, fault.paths]).toEqual(["INVALID_CONFIG", ["REDIS_URL"]])
      expect(fault.text).toMatch(/needs TLS and a password/)
      expect(fault.text).not.toMatch(/geheim|10\.0/)
      expect(at(url, { STORED_INSECURE_REDIS: "1" })).toBe(url)
      expect(faultOf(() => at(url, { STORED_INSECURE_REDIS: "yes" })).paths).toContain("STORED_INSECURE_REDIS")
    },
  )

  it.each(["rediss://me:geheim@redis.example", "redis://localhost:1", "redis://[::1]:1"])(
    "is taken where it is: %s",
    (url) => expect(at(url)).toBe(url),
  )

  it("can be taken by a flag", () => {
    const insecure = (words: string[]) => parseWorkerCommand(words, () => {})?.insecureRedis
    expect([insecure([]), insecure(["sync", "--insecure-redis"])]).toEqual([false, true])
  })
})

describe("the worker token", () => {
  const forWorker = (token: string) => parseWorkerEnvironment({ ...GIVEN, STORED_WORKER_TOKEN: token }).token
  const forServer = (token: string) => parseEnvironment({ STORED_WORKER_TOKEN: token }).workerToken

  it("can lie in a file, and is the same at both ends", async () => {
    const path = join(await temporaryDirectory(), "token")
    await writeFile(path, `${TOKEN}\n`)
    for (const parse of [forWorker, forServer]) {
      expect(parse(`file:${path}`)).toBe(TOKEN)
      expect(parse(TOKEN)).toBe(TOKEN)
    }
    expect(parseEnvironment({}).workerToken).toBeNull()
  })

  it.each([
    ["too short", "geheim-15-chars"],
    ["with a space", "geheim and 16 characters"],
    ["with a line feed", "geheim-and-16\ncharacters"],
    ["of other letters", "geheimgeheimgehöim"],
    ["in a file that is not there", "file:/nowhere/token"],
    ["in a file without a name", "file:"],
    ["in a file whose name is none", "file:\u0000"],
  ])("%s is a mistake that does not show it", (_, token) => {
    for (const parse of [forWorker, forServer]) {
      const fault = faultOf(() => parse(token))
      expect([fault.code, fault.paths]).toEqual(["INVALID_CONFIG", ["STORED_WORKER_TOKEN"]])
      expect(fault.text).not.toContain("geheim")
    }
  })
})

describe("the words of a worker", () => {
  const parse = (...words: string[]) => parseWorkerCommand(words, () => {})

  it("name kinds, backends and how many at a time; none of them is all", () => {
    expect(parse()).toEqual({
      kinds: ["sync", "checksum"],
      ingest: null,
      backends: null,
      concurrency: null,
      insecureRedis: false,
    })
    expect(parse("ingest")).toMatchObject({ kinds: [], ingest: true })
    expect(parse("ingest", "checksum")).toMatchObject({ kinds: ["checksum"], ingest: true })
    expect(parse("checksum", "checksum")).toMatchObject({ kinds: ["checksum"] })
    expect(parse("sync", "--backends", "a, b.c", "--concurrency", "12")).toEqual({
      kinds: ["sync"],
      ingest: false,
      backends: ["a", "b.c"],
      concurrency: 12,
      insecureRedis: false,
    })
  })

  it.each([
    ["a kind that is none", ["scan"]],
    ["an empty name", ["--backends", "a,"]],
    ["a name that is none", ["--backends", "../a"]],
    ["no number", ["--concurrency", "many"]],
    ["zero", ["--concurrency", "0"]],
    ["too many", ["--concurrency", "1025"]],
    ["an option that is none", ["--fast"]],
  ])("with %s are a mistake", (_, words) => {
    expect(faultOf(() => parse(...words)).code).toBe("INVALID_INPUT")
  })

  it("can ask for help", () => {
    let text = ""
    const write = (more: string): void => {
      text += more
    }
    expect(parseWorkerCommand(["--help"], write)).toBeNull()
    expect(text).toContain("STORED_WORKER_TOKEN")
  })
})

describe("what a server answers that is no StoreD, or not this one", () => {
  it.each<[string, number, string, string]>([
    ["a page", 502, "<html>bad gateway</html>", "BACKEND_UNAVAILABLE"],
    ["a problem without a code", 431, '{"type":"about:blank","status":431}', "BACKEND_UNAVAILABLE"],
    ["a code that is none", 500, '{"code":"ODD","detail":"x","retryable":false}', "BACKEND_UNAVAILABLE"],
    ["a server without workers", 404, '{"type":"about:blank","status":404}', "PERMISSION_DENIED"],
    ["a refusal", 401, "", "PERMISSION_DENIED"],
  ])("%s is worth another try", (_, status, text, code) => {
    expect(problemError(status, text)).toMatchObject({ code, retryable: true })
  })

  it("a problem is the error that it was", () => {
    const text = '{"code":"CORRUPT","detail":"No good copy.","retryable":false,"details":{"size":3}}'
    expect(problemError(500, text)).toMatchObject({ code: "CORRUPT", retryable: false, details: { size: 3 } })
  })

  it("an address where nobody is, is told without credentials", async () => {
    const client = new ServerClient({ url: new URL("http://user:geheim@127.0.0.1:1"), token: TOKEN })
    const fault = await client.configuration(new AbortController().signal).catch((error: unknown) => error)
    expect(fault).toMatchObject({
      code: "BACKEND_UNAVAILABLE",
      message: expect.stringMatching(/http:\/\/127\.0\.0\.1:1 /),
    })
    expect(JSON.stringify(fault)).not.toContain("geheim")
  })
})
