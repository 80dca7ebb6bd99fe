/**
 * Secrets that go in by every door – library, HTTP, command line, configuration – are found nowhere but where a backend is opened: not in the log at its most
 * talkative, journal, events, files of the data directory, Redis, answers, errors, or what a command prints. With workers, so that jobs travel.
 */

import { readdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Readable, Writable } from "node:stream"
import { pino } from "pino"
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { loadConfig } from "../../src/api/config-file.ts"
import { connect } from "../../src/client.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { runLine } from "./cli-line.ts"
import { dumpRedis } from "./dump-redis.ts"
import { openTestPool } from "./open-pool.ts"
import { temporaryDirectory } from "./open-store.ts"
import { CANARY, PASSWORD } from "./vault-driver.ts"

vi.mock("../../src/backends/fs.ts", async (original) => (await import("./vault-driver.ts")).vaultInPlaceOfFs(original))

/** Secrets of its own for what is refused; `ACCESS` goes to the server in each request. */
const [WRONG, KEY, ACCESS] = ["canary-wrong-1f", "canary-key-9d27", "CANARYACCESS77"]
const CANARIES = [CANARY, PASSWORD, WRONG, KEY, ACCESS]
const found = (bytes: Buffer | string): string[] => CANARIES.filter((canary) => bytes.includes(canary))

let redis: OwnRedisServer
beforeAll(async () => {
  redis = await startOwnRedis()
})
afterAll(() => redis.stop())

/** An S3 server that knows nobody, and repeats in its answer whatever it was sent. */
async function rudeServer(): Promise<string> {
  const server = createServer((request, response) => {
    const said = JSON.stringify([request.url, request.headers, KEY])
    response.writeHead(403, { "content-type": "application/xml" })
    response.end(
      `<Error><Code>SignatureDoesNotMatch</Code><Message>${said}</Message><AWSAccessKeyId>${ACCESS}</AWSAccessKeyId></Error>`,
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function filesUnder(directory: string): Promise<Map<string, Buffer>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(await Promise.all(files.map(async (path) => [path, await readFile(path)] as const)))
}

test("a secret put in by any door is found nowhere", { timeout: 60_000 }, async () => {
  let logged = ""
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      logged += chunk.toString()
      done()
    },
  })
  const log = pino({ level: "trace" }, sink)
  const directory = await temporaryDirectory()
  const vault = (name: string, token = CANARY) => ({
    driver: "fs",
    root: join(directory, name),
    token,
    login: { user: "me", password: PASSWORD },
  })
  const s3 = {
    driver: "s3",
    bucket: "b",
    endpoint: await rudeServer(),
    credentials: { accessKeyId: ACCESS, secretAccessKey: KEY },
  }
  const { opened, url, addWorker } = await openTestPool(
    redis.url,
    { backends: { configured: vault("configured") } },
    { log },
  )
  const { store, services } = opened
  const app = buildApp({ store, log })
  const door = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  const remote = connect(door)
  onTestFinished(() => remote.close())
  await addWorker({ log })

  const said: string[] = []
  const tell = async (work: Promise<unknown>): Promise<void> => {
    await work.then(
      (result) => void said.push(JSON.stringify(result ?? null)),
      (error: Error) => void said.push(JSON.stringify(error), String(error.stack), error.message),
    )
  }
  const send = async (method: string, path: string, body?: string): Promise<void> => {
    const answer = await fetch(door + path, { method, ...(body !== undefined && { body }) })
    said.push(JSON.stringify([answer.status, [...answer.headers], await answer.text()]))
  }
  const { idle: _, close: __, ...access } = store
  const command = async (words: string[], input = ""): Promise<void> => {
    said.push(
      JSON.stringify(await runLine(["backends", ...words], { access, stdin: Readable.from([Buffer.from(input)]) })),
    )
  }

  // What is kept.
  await tell(store.addBackend("library", vault("library")))
  await tell(remote.addBackend("client", vault("client")))
  await send("PUT", "/v1/backends/http", JSON.stringify(vault("http")))
  await send("PUT", "/v1/backends/http", JSON.stringify({ ...vault("http", "***"), concurrency: 2 }))
  await command(["add", "cli", "--from", "-"], JSON.stringify(vault("cli")))
  await command([
    "add",
    "words",
    "--driver",
    "fs",
    "--set",
    `root=${join(directory, "words")}`,
    "--set",
    `token=${CANARY}`,
    "--json",
  ])
  expect(store.listBackends()).toEqual(["configured", "library", "client", "http", "cli", "words"])
  // What is refused: by the backend, by a server that repeats what it is sent, by the schema, by the parser.
  const refusals: JsonObject[] = [
    vault("x", WRONG),
    s3,
    { ...vault("x"), root: { canary: WRONG } },
    { ...vault("x"), concurrency: WRONG },
    { ...s3, endpoint: `http://${WRONG}:${KEY}@host` },
    { ...s3, credentials: [ACCESS, KEY] },
  ]
  for (const refused of refusals) {
    const text = JSON.stringify(refused)
    await tell(store.addBackend("refused", refused))
    await tell(store.setBackend("library", refused))
    await tell(remote.addBackend("refused", refused))
    await send("PUT", "/v1/backends/refused", text)
    await send("PUT", "/v1/backends/refused", text.slice(0, -1))
    await send("PUT", "/v1/backends/refused", text.replace(/"/g, WRONG))
    await command(["add", "refused", "--from", "-"], text)
    await command(["add", "refused", "--from", "-"], text.slice(0, -1))
  }
  await command([
    "add",
    "refused",
    "--driver",
    "s3",
    "--set",
    "bucket=b",
    "--set",
    `endpoint=${s3.endpoint}`,
    "--set",
    `credentials.accessKeyId=${ACCESS}`,
    "--set",
    `credentials.secretAccessKey=${KEY}`,
  ])
  expect(store.listBackends()).toHaveLength(6)

  // Work by a worker, and a backend that fails under it.
  await store.put(Buffer.from("the quick brown fox"), { key: "k", durability: "all" })
  await store.delete("k")
  await tell(store.testBackend("library"))
  await tell(store.removeBackend("client"))
  const end = new AbortController()
  setImmediate(() => end.abort())
  for await (const event of store.events({ after: 0, signal: end.signal })) said.push(JSON.stringify(event))
  said.push(JSON.stringify([...store.journal()]), JSON.stringify(store.status()), JSON.stringify([...store.failed()]))
  said.push(JSON.stringify(services.catalog.backends()))
  for (const path of [
    "/v1/backends",
    "/v1/backends/http",
    "/v1/status",
    "/v1/journal?limit=1000",
    "/v1/failed",
    "/ready",
    "/health",
  ])
    await send("GET", path)
  for (const words of [["ls"], ["ls", "--json"], ["show", "cli"], ["show", "cli", "--json"], ["test", "cli"]])
    await command(words)

  const inRedis = await dumpRedis(redis.url)
  expect(inRedis.length).toBeGreaterThan(100)
  expect(found(inRedis)).toEqual([])
  expect(logged).toContain("backend")
  expect(found(logged)).toEqual([])
  expect(said.filter((text) => found(text).length > 0)).toEqual([])
  for (const [path, bytes] of await filesUnder(opened.services.config.data))
    expect([path, found(bytes)]).toEqual([path, []])

  // The one way out, for workers alone, which also shows that the search finds what is there.
  const internal = (token: string) =>
    fetch(new URL("/internal/configuration", url), { headers: { authorization: `Bearer ${token}` } })
  expect((await internal("x".repeat(20))).status).toBe(401)
  const answer = await internal(TOKEN)
  expect(answer.headers.get("cache-control")).toBe("no-store")
  const text = await answer.text()
  expect(found(text)).toEqual([CANARY, PASSWORD])
  // What the server found out, workers need not find out again.
  expect(JSON.parse(text)).toMatchObject({
    backends: [{ name: "configured", abilities: { version: 1 } }, {}, {}, {}, {}],
  })
})

test.each(["json", "yaml", "toml"])(
  "a configuration file in broken %s is refused without a piece of it",
  async (end) => {
    const path = join(await temporaryDirectory(), `config.${end}`)
    for (const text of [
      `{"token": ${CANARY}}`,
      `{"token": "${CANARY}"`,
      `["${CANARY}", ${CANARY}]`,
      `token: [${CANARY}`,
      CANARY,
    ]) {
      await writeFile(path, text)
      const said = await loadConfig({ config: path, data: null }).then(JSON.stringify, (error: Error) => {
        expect(error).toMatchObject({ code: "INVALID_CONFIG" })
        return JSON.stringify(error) + error.stack
      })
      if (said.includes("INVALID_CONFIG")) expect(found(said)).toEqual([])
    }
  },
)
