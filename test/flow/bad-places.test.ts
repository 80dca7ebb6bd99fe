/**
 * Data directories that cannot be used – in use, of a newer format, read-only, full – as they meet a user of the library, of the service and of
 * the command line: typed, problem JSON, one line and an exit code; and nothing in them is changed.
 */
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { pino } from "pino"
import { describe, expect, onTestFinished, type TestContext, test } from "vitest"
import { startServer } from "../../src/api/start-server.ts"
import { seal } from "../../src/catalog/encoding/value.ts"
import { openEnvironment, openTable } from "../../src/catalog/lmdb/environment.ts"
import { FORMAT_KEY } from "../../src/catalog/rows/tables.ts"
import { createStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { isStoredError } from "../../src/core/error.ts"
import { mountTmpfs, remount } from "../fault/store-tmpfs.ts"
import { listen } from "../unit/api-server.ts"
import { runProcess } from "./cli-line.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

const bytes = Buffer.from("the quick brown fox")

/** A data directory that was used once. */
async function used(directory: string): Promise<string> {
  const data = join(directory, "data")
  const store = await createStore({ data }, { localByDefault: true })
  await store.put(bytes, { key: "k", durability: "all" })
  await store.close()
  return data
}

/** Every door by which a data directory is opened refuses it so. */
async function expectRefused(data: string, code: string, words: RegExp, exit = 7): Promise<void> {
  const config: StoreConfigInput = { data }
  await expect(createStore(config), "library").rejects.toMatchObject({ code, message: expect.stringMatching(words) })
  const log = pino({ level: "silent" })
  const serving = startServer({ config, host: "127.0.0.1", port: 0, log, openStore: createStore, onFault: () => {} })
  await expect(serving, "service").rejects.toMatchObject({ code, message: expect.stringMatching(words) })
  for (const line of [["ls"], ["put", "-"], ["serve"]]) {
    const said = await runProcess(line, { env: { STORED_DATA: data, STORED_PORT: "0" }, input: "x" })
    expect(said, line[0]).toMatchObject({ code: exit, out: "" })
    expect(said.err, line[0]).toMatch(new RegExp(`^stored: [^\\n]+ \\[${code}\\]\\n$`))
    expect(said.err, line[0]).toMatch(words)
  }
}

describe("a data directory", () => {
  test("in use is refused, with who has it", async () => {
    const { store, directory } = await openTestStore()
    await store.put(bytes, { key: "k" })
    await expectRefused(directory, "DATA_DIRECTORY_IN_USE", new RegExp(`in use by process ${process.pid} `))
    expect(await store.get("k")).toEqual(bytes)
  })

  test("of a newer format is refused and left as it is", async () => {
    const data = await used(await temporaryDirectory())
    const catalog = join(data, "catalog")
    const environment = await openEnvironment(catalog)
    await openTable(environment, catalog, "settings").put(FORMAT_KEY, seal("settings", FORMAT_KEY, 2))
    await environment.close()
    const before = await readFile(join(catalog, "data.mdb"))
    await expectRefused(data, "DATA_DIRECTORY_NEWER", /has format 2, .* newer version/)
    expect((await readFile(join(catalog, "data.mdb"))).equals(before)).toBe(true)
  })

  test("with a staging of a newer format is refused, and its catalog is free again", async () => {
    const data = await used(await temporaryDirectory())
    const format = join(data, "staging", "format")
    const before = await readFile(format)
    await writeFile(format, "stored-staging 2\n")
    await expectRefused(data, "DATA_DIRECTORY_NEWER", /has format 2, .* newer version/)
    await writeFile(format, before)
    const store = await createStore({ data })
    onTestFinished(() => store.close())
    expect(await store.get("k")).toEqual(bytes)
  })

  test("on a read-only disk is refused, new or used", async (context) => {
    const disk = await mountTmpfs(context, "size=256m")
    const data = await used(disk)
    await remount(disk, "ro")
    await expectRefused(data, "DATA_DIRECTORY_UNUSABLE", /read-only file system; choose another .* or remount it/)
    await expectRefused(join(disk, "new"), "DATA_DIRECTORY_UNUSABLE", /read-only/)
    await remount(disk, "rw")
    const store = await createStore({ data })
    onTestFinished(() => store.close())
    expect(await store.get("k")).toEqual(bytes)
  })
})

test("a new data directory on a full disk is refused, and taken once there is room", async (context) => {
  const disk = await mountTmpfs(context, "size=1m")
  const data = join(disk, "data")
  await expect(writeFile(join(disk, "filler"), Buffer.alloc(2_000_000))).rejects.toMatchObject({ code: "ENOSPC" })
  await expectRefused(data, "DISK_FULL", /full|room|free/, 6)
  await rm(join(disk, "filler"))
  await remount(disk, "size=256m")
  const store = await createStore({ data }, { localByDefault: true })
  onTestFinished(() => store.close())
  expect((await store.put(bytes, { key: "k" })).size).toBe(bytes.length)
})

test("a used data directory on a disk that is full since is opened, also with another configuration, and read", async (context) => {
  const disk = await mountTmpfs(context, "size=256m")
  const data = await used(disk)
  await remount(disk, "size=32m")
  await expect(writeFile(join(disk, "filler"), Buffer.alloc(64_000_000))).rejects.toMatchObject({ code: "ENOSPC" })
  for (const config of [{ data }, { data, backends: { other: { driver: "memory" } } }]) {
    const store = await createStore(config)
    expect(await store.get("k")).toEqual(bytes)
    await store.close()
  }
})

describe("while it is open", () => {
  /** A store whose staging lies on a disk of its own, a server on it, and how the command line talks to that. */
  async function served(context: TestContext, options: string) {
    const path = await mountTmpfs(context, options)
    const backends = { a: { driver: "memory" } }
    const { store } = await openTestStore({ cache: { path, minFree: 0, evictionPolicy: "none" }, backends })
    await store.put(bytes, { key: "k", durability: "all" })
    const { url } = await listen(store)
    return { store, url, path }
  }

  /** A put is refused so at every door, and what was there is served. */
  async function expectPutRefused(
    { store, url }: Awaited<ReturnType<typeof served>>,
    body: Buffer,
    { code, status, exit }: { code: string; status: number; exit: number },
  ): Promise<void> {
    await expect(store.put(body, { key: "new" }), "library").rejects.toSatisfy(
      (error) => isStoredError(error) && error.code === code,
    )
    const answer = await fetch(`${url}/v1/objects/new`, { method: "PUT", body: new Uint8Array(body) })
    expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/problem+json"])
    expect(await answer.json()).toMatchObject({ code, status, type: `urn:stored:error:${code}` })
    const said = await runProcess(["put", "-", "-k", "new"], { env: { STORED_URL: url }, input: body })
    expect(said).toMatchObject({ code: exit, out: "" })
    expect(said.err).toMatch(new RegExp(`^stored: [^\\n]+ \\[${code}\\]\\n$`))
    expect(await store.has("new")).toBe(false)
    expect(Buffer.from(await (await fetch(`${url}/v1/objects/k`)).arrayBuffer())).toEqual(bytes)
  }

  test("a disk that is full refuses puts and serves the rest, until there is room", async (context) => {
    const parts = await served(context, "size=4m")
    const body = randomBytes(8_000_000)
    await expectPutRefused(parts, body, { code: "DISK_FULL", status: 507, exit: 6 })
    await remount(parts.path, "size=32m")
    expect((await parts.store.put(body, { key: "new" })).size).toBe(body.length)
  })

  test("a disk that becomes read-only refuses puts and serves the rest, until it is writable", async (context) => {
    const parts = await served(context, "size=32m")
    const mount = promisify(execFile)
    // Mounted over itself: a disk with open files can become read-only for everybody else only so.
    await mount("mount", ["--bind", parts.path, parts.path])
    await mount("mount", ["-o", "remount,ro,bind", parts.path])
    onTestFinished(async () => void (await mount("umount", ["-l", parts.path])))
    await expectPutRefused(parts, randomBytes(1_000), { code: "READ_ONLY", status: 503, exit: 7 })
    await expectPutRefused(parts, randomBytes(1_000_000), { code: "READ_ONLY", status: 503, exit: 7 })
    await mount("mount", ["-o", "remount,rw,bind", parts.path])
    expect((await parts.store.put(Buffer.from("again"), { key: "new" })).size).toBe(5)
  })
})
