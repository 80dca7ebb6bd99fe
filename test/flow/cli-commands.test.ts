/** Every command on a store in this process: what it prints, as text and as JSON lines, and what it ends with. */
import { execFileSync } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { describe, expect, it, onTestFinished } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { mapStore } from "../unit/map-store.ts"
import { runLine } from "./cli-line.ts"

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stored-cli-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe("put", () => {
  it("names an object after its file, or as told", async () => {
    const access = mapStore()
    const folder = await temporary()
    await writeFile(join(folder, "a.txt"), "hello")
    expect(await runLine(["put", join(folder, "a.txt")], { access })).toMatchObject({ code: 0, err: "" })
    await runLine(["put", join(folder, "a.txt"), "--key", "x/y", "--metadata", '{"a":1}', "--type", "text/x"], {
      access,
    })
    await runLine(["put", join(folder, "a.txt"), "-p", "p/"], { access })
    expect((await Array.fromAsync(access.list())).map((object) => object.key)).toEqual(["a.txt", "p/a.txt", "x/y"])
    expect(await access.stat("x/y")).toMatchObject({ custom: { a: 1 }, mimeType: "text/x", size: 5 })
  })

  it("takes standard input, with a key or without", async () => {
    const access = mapStore()
    const said = await runLine(["--json", "put", "-"], { access, stdin: Readable.from([Buffer.from("hello")]) })
    const [record] = lines(said.out)
    expect(record).toMatchObject({ key: `blobs/sha256/${String(record!.id).slice(7)}`, size: 5, isNew: true })
    await runLine(["put", "-", "-k", "named"], { access, stdin: Readable.from([Buffer.from("hello")]) })
    expect(await access.stat("named")).toMatchObject({ size: 5 })
  })

  it("stores the regular files of a folder and tells what it passes over", async () => {
    const access = mapStore()
    const folder = await temporary()
    await mkdir(join(folder, "sub", "empty"), { recursive: true })
    await writeFile(join(folder, "a"), "1")
    await writeFile(join(folder, "sub", "b c"), "")
    await symlink("a", join(folder, "link"))
    await symlink(".", join(folder, "sub", "loop"))
    execFileSync("mkfifo", [join(folder, "pipe")])
    await writeFile(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff])]), "x")
    const said = await runLine(["put", "-r", folder, "--prefix", "tree/"], { access })
    expect((await Array.fromAsync(access.list())).map((object) => object.key)).toEqual(["tree/a", "tree/sub/b c"])
    expect(said.err.trimEnd().split("\n").sort()).toEqual([
      `stored: skipped ${folder}/bad\ufffd: its name is not UTF-8`,
      `stored: skipped ${folder}/link: a symbolic link`,
      `stored: skipped ${folder}/pipe: not a regular file`,
      `stored: skipped ${folder}/sub/loop: a symbolic link`,
    ])
    expect(said.code).toBe(0)
  })

  it("goes on after a file that fails, and ends with its code", async () => {
    const access = mapStore()
    const folder = await temporary()
    await writeFile(join(folder, "a"), "1")
    await writeFile(join(folder, "b\n"), "2")
    await writeFile(join(folder, "c"), "3")
    const said = await runLine(["put", "-r", folder, "-j", "2"], { access })
    expect((await Array.fromAsync(access.list())).map((object) => object.key)).toEqual(["a", "c"])
    expect(said).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^stored: Invalid key: .*control.* \[INVALID_KEY\]\n$/),
    })
  })

  it("has at most as many under way as told", async () => {
    const folder = await temporary()
    for (let index = 0; index < 20; index++) await writeFile(join(folder, String(index)), "x")
    const store = mapStore()
    let running = 0
    let most = 0
    const access = {
      ...store,
      put: async (...words: Parameters<typeof store.put>) => {
        running += 1
        most = Math.max(most, running)
        const result = await store.put(...words)
        running -= 1
        return result
      },
    }
    expect((await runLine(["put", "-r", folder, "-j", "3"], { access })).code).toBe(0)
    expect(most).toBe(3)
  })

  it("waits for the copies that --wait and --durability ask for, and for the jobs that are due", async () => {
    const store = mapStore()
    const seen: unknown[] = []
    const access = {
      ...store,
      put: (...words: Parameters<typeof store.put>) => {
        seen.push(words[1]?.durability)
        return store.put(...words)
      },
      idle: async () => void seen.push("idle"),
    }
    for (const words of [[], ["--wait"], ["--durability", "copies:2"]]) {
      await runLine(["put", "-", "-k", "a", ...words], { access, stdin: Readable.from([Buffer.from("x")]) })
    }
    expect(seen).toEqual([undefined, "idle", "all", "idle", "copies:2", "idle"])
  })

  it("draws a bar on a terminal for what is large, and only there", async () => {
    const folder = await temporary()
    await writeFile(join(folder, "large"), Buffer.alloc(20_000_000))
    const store = mapStore()
    const access = {
      ...store,
      put: (...[input, { onProgress, ...options } = {}]: Parameters<typeof store.put>) => {
        onProgress?.(10_000_000)
        return store.put(input, options)
      },
    }
    const put = (terminal: boolean, words: string[] = []) =>
      runLine([...words, "put", join(folder, "large")], { access, terminal })
    expect((await put(true)).err).toMatch(/large .*█+.*50 % {2}9\.5 MiB\/19 MiB/)
    expect((await put(true, ["--json"])).err).toBe("")
    expect((await put(false)).err).toBe("")
  })
})

describe("get", () => {
  it("writes to standard output or to a file, whole or not at all", async () => {
    const access = mapStore()
    const folder = await temporary()
    await access.put(Buffer.from("hello"), { key: "a" })
    expect(await runLine(["get", "a"], { access })).toEqual({ code: 0, out: "hello", err: "" })
    const { id } = (await access.stat("a"))!
    expect(await runLine(["get", id, "-o", "-"], { access })).toMatchObject({ out: "hello" })
    const said = await runLine(["--json", "get", "a", "-o", join(folder, "a")], { access })
    expect(lines(said.out)).toMatchObject([{ key: "a", servedFrom: "staging", output: join(folder, "a") }])
    expect(await readFile(join(folder, "a"), "utf8")).toBe("hello")

    const broken = {
      ...access,
      open: async (name: string) => {
        const opened = await access.open(name)
        const stream = Readable.from(
          (async function* () {
            yield Buffer.from("hel")
            throw new StoredError("CORRUPT", "The bytes do not hash to their id.")
          })(),
        )
        return { ...opened, stream }
      },
    }
    expect(await runLine(["get", "a", "-o", join(folder, "b")], { access: broken })).toMatchObject({ code: 8 })
    await writeFile(join(folder, "c"), "before")
    await runLine(["get", "a", "-o", join(folder, "c")], { access: broken })
    expect(await readFile(join(folder, "c"), "utf8")).toBe("before")
    expect((await readdir(folder)).sort()).toEqual(["a", "c"])
  })

  it("does not pour bytes over a terminal", async () => {
    const access = mapStore()
    await access.put(Buffer.from([0, 1, 2]), { key: "data" })
    await access.put(Buffer.from("text"), { key: "a.txt" })
    const refused = await runLine(["get", "data"], { access, terminal: true })
    expect(refused).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/-o -/) })
    expect((await runLine(["get", "data", "-o", "-"], { access, terminal: true })).out).toBe("\u0000\u0001\u0002")
    expect((await runLine(["get", "a.txt"], { access, terminal: true })).out).toBe("text")
  })
})

describe("ls, stat, rm, status, doctor", () => {
  it("print text and JSON lines", async () => {
    const access = mapStore()
    await access.put(Buffer.from("hello"), { key: "p/a", metadata: { album: "2026" } })
    await access.put(Buffer.from("hello"), { key: "p/b" })
    await access.put(Buffer.from("x"), { key: "q" })
    const listed = await runLine(["--json", "ls", "p/"], { access })
    expect(lines(listed.out).map((object) => object.key)).toEqual(["p/a", "p/b"])
    expect(lines((await runLine(["ls", "--json", "-n", "1"], { access })).out)).toHaveLength(1)
    expect((await runLine(["ls", "q"], { access })).out).toMatch(/^ +1 B {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}q\n$/)
    expect((await runLine(["ls", "none"], { access })).out).toBe("")
    expect((await runLine(["stat", "p/a"], { access })).out).toMatch(/^key {7}p\/a\n[\s\S]*custom .*album/)
    expect(lines((await runLine(["stat", "p/a", "--json"], { access })).out)).toMatchObject([
      { custom: { album: "2026" } },
    ])
    const removed = await runLine(["--json", "rm", "p/a", "nothing", "p/b"], { access })
    expect(removed.code).toBe(3)
    expect(lines(removed.out).map((result) => result.name)).toEqual(["p/a", "p/b"])
    expect(lines(removed.err)).toMatchObject([{ code: "NOT_FOUND" }])
    expect(lines((await runLine(["status", "--json"], { access })).out)).toMatchObject([{ state: "ready", objects: 1 }])
  })

  it("doctor ends with 8 where something is wrong", async () => {
    const access = mapStore()
    const fault = { invariant: "I2", severity: "fault" as const, subject: "a", message: "It is gone.", repair: null }
    const checked = { blobs: 1 }
    const sick = { clean: false, findings: [fault], repaired: 0, checked }
    const said = await runLine(["doctor"], { access, doctor: sick })
    expect(said).toEqual({ code: 8, out: "fault I2  a: It is gone.\n1 fault; looked at 1 blobs\n", err: "" })
    const well = { clean: true, findings: [], repaired: 2, checked }
    expect(lines((await runLine(["doctor", "--json"], { access, doctor: well })).out)).toEqual([
      { clean: true, repaired: 2, checked },
    ])
  })
})

describe("bad input is one line and an exit code", () => {
  it.each<[string, string[], number, RegExp]>([
    ["no command", [], 2, /name a command.*--help/],
    ["an unknown command", ["fetch"], 2, /unknown command 'fetch'/],
    ["an unknown option", ["ls", "--nonsense"], 2, /unknown option '--nonsense'/],
    ["a missing argument", ["get"], 2, /missing required argument/],
    ["a missing file", ["put", "/nowhere/at/all"], 2, /nowhere/],
    ["a folder", ["put", "/tmp"], 2, /-r/],
    ["a device", ["put", "/dev/null"], 2, /\/dev\/null/],
    ["a missing folder", ["put", "-r", "/nowhere"], 2, /does not exist/],
    ["two files of one name", ["put", "/a/x", "/b/x"], 2, /"x"/],
    ["one key for two files", ["put", "a", "b", "-k", "x"], 2, /--key/],
    ["a key that climbs", ["put", "-", "-k", "../x"], 2, /INVALID_KEY/],
    ["metadata that is not JSON", ["put", "-", "-m", "{"], 2, /INVALID_METADATA/],
    ["__proto__ in metadata", ["put", "-", "-m", '{"__proto__":{}}'], 2, /INVALID_METADATA/],
    ["metadata over 64 KiB", ["put", "-", "-m", JSON.stringify({ a: "x".repeat(65_536) })], 2, /65536/],
    ["an unknown durability", ["put", "-", "-d", "forever"], 2, /copies:<n>/],
    ["a number that is none", ["put", "-", "-j", "0"], 2, /number/],
    ["an unknown backend", ["put", "-", "-b", "nowhere"], 2, /UNKNOWN_BACKEND/],
    ["an absent object", ["get", "nothing"], 3, /NOT_FOUND/],
    ["an absent record", ["stat", "nothing"], 3, /NOT_FOUND/],
    ["a place that is a folder", ["get", "a", "-o", "/tmp"], 2, /folder/],
    ["a place in no folder", ["get", "a", "-o", "/nowhere/x"], 2, /no folder/],
    ["JSON over the bytes", ["get", "a", "--json"], 2, /-o/],
  ])("%s", async (_, words, code, sentence) => {
    const access = mapStore()
    await access.put(Buffer.from("hello"), { key: "a" })
    const said = await runLine(words, { access })
    expect(said).toMatchObject({ code, out: "" })
    if (words.includes("--json")) expect(lines(said.err)).toMatchObject([{ code: "INVALID_INPUT" }])
    else expect(said.err).toMatch(/^stored: [^\n]+ \[[A-Z_]+\]\n$/)
    expect(said.err).toMatch(sentence)
    expect(await Array.fromAsync(access.list())).toHaveLength(1)
  })

  it("an interrupt ends with 130", async () => {
    const access = mapStore({
      put: async (_input, options) => {
        throw options!.signal!.reason
      },
    })
    const interrupted = new AbortController()
    interrupted.abort(new StoredError("ABORTED", "Interrupted."))
    expect(await runLine(["put", "-"], { access, signal: interrupted.signal })).toMatchObject({ code: 130, out: "" })
  })

  it("help and version are no errors", async () => {
    const access = mapStore()
    const help = await runLine(["--help"], { access })
    expect(help).toMatchObject({ code: 0, err: "" })
    for (const command of ["put", "get", "ls", "stat", "rm", "status", "serve", "doctor"]) {
      expect(help.out).toMatch(new RegExp(`^ {2}${command} `, "m"))
    }
    expect(help.out).toMatch(/Exit codes:[\s\S]*3 +there is no such object/)
    expect(await runLine(["--version"], { access })).toEqual({ code: 0, out: "0.0.0\n", err: "" })
  })
})
