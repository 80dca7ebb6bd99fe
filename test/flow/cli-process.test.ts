/** The service and the command line as processes of their own, on a real data directory: what a user meets. */
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { runProcess } from "./cli-line.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe("the service", () => {
  it("says where it is, serves, ends with 0 and still has everything after a restart", async () => {
    const data = join(await temporaryDirectory(), "data")
    const bytes = randomBytes(1_000_000)
    const first = await startProcess({ STORED_DATA: data })
    expect(first.welcome).toMatch(
      /^StoreD listens on http:\/\/127\.0\.0\.1:\d+\n {2}data +\/.*data\n {2}backends +local \(fs, default\)\n {2}try .*curl/,
    )
    expect(
      (
        await fetch(`${first.url}/v1/objects/a/b.bin`, {
          method: "PUT",
          body: bytes,
          headers: { "x-stored-durability": "all" },
        })
      ).status,
    ).toBe(201)
    expect(await readFile(join(data, "objects", "a", "b.bin"))).toEqual(bytes)
    expect(await first.end("SIGTERM")).toEqual({ code: 0, signal: null, err: "" })

    const second = await startProcess({ STORED_DATA: data })
    const read = await fetch(`${second.url}/v1/objects/a/b.bin`)
    expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true)
    expect(await second.end("SIGINT")).toMatchObject({ code: 0 })
    expect(await runProcess(["--data", data, "doctor"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^clean; /),
    })
  })

  it("keeps its data directory to itself and says who has it", async () => {
    const data = join(await temporaryDirectory(), "data")
    const server = await startProcess({ STORED_DATA: data })
    for (const words of [["serve"], ["ls"], ["doctor"]]) {
      const said = await runProcess(words, { env: { STORED_DATA: data, STORED_PORT: "0" } })
      expect(said, words[0]).toMatchObject({ code: 7, out: "" })
      expect(said.err).toMatch(/^stored: [^\n]+ \[DATA_DIRECTORY_IN_USE\]\n$/)
      expect(said.err).toContain(server.url)
    }
    await server.end()
  })

  it("tells every mistake in a configuration, one a line, without a stack", async () => {
    const directory = await temporaryDirectory()
    const config = join(directory, "config.json")
    await writeFile(
      config,
      '{"backends":{"a":{"driver":"fs"},"b!":{"driver":"memory"}},"defaultBackends":["c"],"nonsense":1}',
    )
    const said = await runProcess(["serve"], { env: { STORED_CONFIG: config, STORED_PORT: "0" }, cwd: directory })
    expect(said).toMatchObject({ code: 2, out: "" })
    const told = said.err.trimEnd().split("\n")
    expect(told.length).toBeGreaterThanOrEqual(4)
    for (const line of told) expect(line).toMatch(/^stored: .+ \[INVALID_CONFIG\]$/)
    const environment = await runProcess(["serve"], { env: { STORED_PORT: "x", STORED_LOG: "y" }, cwd: directory })
    expect(environment.code).toBe(2)
    expect(environment.err.trimEnd().split("\n")).toHaveLength(2)
  })

  it("loads the first seed's configuration as YAML too", async () => {
    const directory = await temporaryDirectory()
    const config = join(directory, "config.yaml")
    const local = `{ driver: fs, root: ${join(directory, "files")}, watch: false }`
    await writeFile(
      config,
      `cache: { path: ${join(directory, "cache")}, maxSize: 1GB }\nbackends:\n  local: ${local}\ndefaultBackends: [local]\nchecksums: [sha256]\n`,
    )
    const server = await startProcess({ STORED_CONFIG: config, STORED_DATA: join(directory, "data") })
    expect((await fetch(`${server.url}/v1/objects/x`, { method: "PUT", body: "1" })).status).toBe(201)
    await server.end()
    expect(await readFile(join(directory, "files", "x"), "utf8")).toBe("1")
  })
})

describe("the command line", () => {
  it("puts, lists, reads and removes on a data directory of its own", async () => {
    const directory = await temporaryDirectory()
    const env = { STORED_DATA: join(directory, "data") }
    const file = join(directory, "photo.bin")
    const bytes = randomBytes(500_000)
    await writeFile(file, bytes)
    expect(await runProcess(["put", file, "--wait"], { env })).toMatchObject({ code: 0, err: "" })
    expect(await runProcess(["put", "-", "-k", "note.txt"], { env, input: "hello" })).toMatchObject({
      code: 0,
      err: "",
    })
    // Without a server the copies were carried before the command ended.
    expect(await readFile(join(directory, "data", "objects", "note.txt"), "utf8")).toBe("hello")
    const listed = await runProcess(["ls", "--json"], { env })
    expect(lines(listed.out)).toMatchObject([
      { key: "note.txt", size: 5 },
      { key: "photo.bin", size: 500_000 },
    ])
    expect(await runProcess(["get", "note.txt"], { env })).toEqual({ code: 0, out: "hello", err: "" })
    const copy = join(directory, "copy.bin")
    expect((await runProcess(["get", "photo.bin", "-o", copy], { env })).code).toBe(0)
    expect((await readFile(copy)).equals(bytes)).toBe(true)
    const [record] = lines((await runProcess(["stat", "photo.bin", "--json"], { env })).out)
    expect(record).toMatchObject({ locations: [{ backend: "local", synced: true }] })
    expect((await runProcess(["rm", "photo.bin"], { env })).code).toBe(0)
    expect((await runProcess(["get", "photo.bin"], { env })).code).toBe(3)
    expect(lines((await runProcess(["status", "--json"], { env })).out)).toMatchObject([{ objects: 1, state: "ready" }])
    expect((await runProcess(["doctor"], { env })).code).toBe(0)
  })

  it("shows a server STORED_TOKEN, and nobody else", async () => {
    const shown: unknown[] = []
    const server = createServer(({ headers }, response) => {
      shown.push(headers.authorization)
      response.writeHead(401).end()
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    onTestFinished(() => void server.close())
    const env = { STORED_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, STORED_TOKEN: "s3cr3t" }
    const said = await runProcess(["stat", "k"], { env })
    expect(said).toMatchObject({ code: 5, out: "", err: expect.stringMatching(/\[PERMISSION_DENIED\]\n$/) })
    expect(said.err).not.toContain("s3cr3t")
    expect(shown).toEqual(["Bearer s3cr3t"])
  })

  it("talks to a running server by STORED_URL", async () => {
    const directory = await temporaryDirectory()
    const server = await startProcess({ STORED_DATA: join(directory, "data") })
    const env = { STORED_URL: server.url }
    const tree = join(directory, "tree")
    await mkdir(join(tree, "sub"), { recursive: true })
    await writeFile(join(tree, "a"), "")
    await writeFile(join(tree, "sub", "b"), randomBytes(300_000))
    expect(await runProcess(["put", "-r", tree, "-p", "t/"], { env })).toMatchObject({ code: 0, err: "" })
    expect(lines((await runProcess(["--json", "ls", "t/"], { env })).out)).toMatchObject([
      { key: "t/a" },
      { key: "t/sub/b" },
    ])
    expect((await runProcess(["get", "t/a"], { env })).code).toBe(0)
    expect((await runProcess(["rm", "t/a", "t/sub/b"], { env })).code).toBe(0)
    expect(lines((await runProcess(["status", "--json"], { env })).out)).toMatchObject([{ objects: 0 }])
    await server.end()
    const gone = await runProcess(["ls"], { env })
    expect(gone).toMatchObject({
      code: 5,
      err: expect.stringMatching(/^stored: The server at .* does not answer .*\n$/),
    })
  })

  it("refuses a data directory that is no place for data, in one line", async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, "file"), "x")
    const said = await runProcess(["ls"], { env: { STORED_DATA: join(directory, "file") } })
    expect(said).toMatchObject({
      code: 7,
      out: "",
      err: expect.stringMatching(/^stored: [^\n]+ \[DATA_DIRECTORY_UNUSABLE\]\n$/),
    })
  })

  it("stops quietly where its reader does", async () => {
    const directory = await temporaryDirectory()
    await chmod(directory, 0o755)
    const env = { STORED_DATA: join(directory, "data") }
    await runProcess(["put", "-", "-k", "big"], { env, input: randomBytes(5_000_000) })
    const { spawn } = await import("node:child_process")
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname
    const child = spawn("sh", ["-c", `"${process.execPath}" "${main}" get big | head -c 10; `], {
      env: { ...process.env, ...env },
    })
    let err = ""
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.stdout.resume()
    await new Promise((resolve) => child.on("close", resolve))
    expect(err).toBe("")
  })
})
