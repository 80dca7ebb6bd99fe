/** `stored scan`, `stored drift` and folders that are added: what they show, what they leave behind, and what they end with. */
import { mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import { PassThrough } from "node:stream"
import { describe, expect, it, onTestFinished } from "vitest"
import type { Access } from "../../src/cli/command-line.ts"
import { followScan, patienceFor } from "../../src/cli/follow-scan.ts"
import { listingLine, readingLine } from "../../src/cli/scan-progress.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { StoredError } from "../../src/core/error.ts"
import { bytesSource } from "../../src/store/input-bytes.ts"
import type { ScanStatus } from "../../src/store/store.ts"
import { mapStore } from "../unit/map-store.ts"
import { type LineOptions, runLine, type Said } from "./cli-line.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "./open-store.ts"

const LONG_AGO = new Date("2020-01-01T00:00:00Z")

async function write(folder: string, key: string, content: string): Promise<void> {
  const path = join(folder, key)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  await utimes(path, LONG_AGO, LONG_AGO)
}

type Line = OpenedStore & {
  folder: string
  access: Access
  run(words: string[], more?: Partial<LineOptions>): Promise<Said>
}

/** A folder `photos` beside a memory backend `b`, and the command line on that store. */
async function openFolder(): Promise<Line> {
  const folder = await temporaryDirectory()
  const backends = { photos: { driver: "fs", root: folder }, b: { driver: "memory" } }
  return { folder, ...(await openLine({ backends, defaultBackends: ["b"] })) }
}

async function openLine(config: Parameters<typeof openTestStore>[0]) {
  const opened = await openTestStore(config)
  const { close: _, ...access } = opened.store
  const run = (words: string[], more: Partial<LineOptions> = {}): Promise<Said> => runLine(words, { access, ...more })
  return { ...opened, access, run }
}

/** The same, as if it were a server's. */
function served({ access }: Pick<Line, "access">): Access {
  return { ...access, idle: undefined }
}

/** The folder is listed only once the test lets it, or the scan is ended. */
function holdListing({ services }: OpenedStore): { reached: Promise<void>; open(): void } {
  const { backend } = services.backends.get("photos")
  const list = backend.list.bind(backend)
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  backend.list = async function* (options) {
    reached.resolve()
    const aborted = new Promise<void>((resolve) => options?.signal?.addEventListener("abort", () => resolve()))
    await Promise.race([gate.promise, aborted])
    yield* list(options)
  }
  onTestFinished(() => gate.resolve())
  return { reached: reached.promise, open: gate.resolve }
}

async function interruptOnce(reached: Promise<void>, run: (signal: AbortSignal) => Promise<Said>): Promise<Said> {
  const control = new AbortController()
  const running = run(control.signal)
  await reached
  control.abort(new StoredError("ABORTED", "Interrupted."))
  return running
}

const keysOf = async ({ store }: OpenedStore): Promise<string[]> =>
  (await Array.fromAsync(store.list())).map(({ key }) => key)

const parsed = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe("scan", () => {
  it("takes in what lies there, and sums it up in a line", async () => {
    const line = await openFolder()
    await write(line.folder, "a.txt", "hello")
    await write(line.folder, "2020/b.txt", "hi")
    await symlink("a.txt", join(line.folder, "link"))
    await symlink("a.txt", join(line.folder, "other-link"))
    await symlink("a.txt", join(line.folder, "bad\nname"))
    const said = await line.run(["scan", "photos"])
    expect(said).toMatchObject({ code: 0, err: "" })
    expect(said.out).toMatch(
      /^photos scanned: 2 files, 7 B in \d+ s; 2 added, 0 changed, 0 missing, 0 moved; 3 skipped \(3 symbolic links\)\n$/,
    )
    expect(await keysOf(line)).toEqual(["photos/2020/b.txt", "photos/a.txt"])
    const again = await line.run(["--json", "scan", "photos", "--hash"])
    expect(parsed(again.out)).toMatchObject([{ backend: "photos", number: 2, state: "done", files: 2, added: 0 }])
  })

  it("reads content or not, as asked for", async () => {
    const line = await openFolder()
    await write(line.folder, "a", "a")
    await line.run(["scan", "photos", "--no-hash"])
    expect((await line.store.stat("photos/a"))?.id).toMatch(/^etag:/)
    await line.run(["scan", "photos", "--hash"])
    expect((await line.store.stat("photos/a"))?.id).toMatch(/^sha256:/)
  })

  it("tells how far one is, without beginning any", async () => {
    const line = await openFolder()
    const status = ["scan", "photos", "--status"]
    expect(await line.run(status)).toEqual({ code: 0, out: "photos was never scanned\n", err: "" })
    const held = holdListing(line)
    await line.store.scan("photos")
    await held.reached
    expect((await line.run(status)).out).toMatch(/^photos is being scanned: 0 files, 0 B in \d+ s; 0 added/)
    expect((await line.run(["scan", "photos", "--pause"])).out).toMatch(/^photos is scanned in part, paused: 0 files/)
    expect((await line.run(["scan", "photos", "--cancel"])).out).toMatch(/^photos was scanned in part, cancelled: /)
    for (const step of ["--pause", "--cancel"]) {
      expect(await line.run(["scan", "photos", step])).toMatchObject({
        code: 4,
        out: "",
        err: expect.stringMatching(/is cancelled: there is nothing to .* \[CONFLICT\]\n$/),
      })
    }
  })

  it("ended by Ctrl-C it is paused where it is, and the next one goes on", async () => {
    const line = await openFolder()
    await write(line.folder, "a", "a")
    const held = holdListing(line)
    const said = await interruptOnce(held.reached, (signal) => line.run(["scan", "photos"], { signal }))
    expect(said).toEqual({
      code: 130,
      out: "",
      err: "stored: Interrupted: the scan of photos is paused after 0 files; go on with stored scan photos. [ABORTED]\n",
    })
    expect(line.store.scanStatus("photos")).toMatchObject({ state: "paused", number: 1 })
    held.open()
    expect((await line.run(["scan", "photos"])).out).toMatch(/^photos scanned: 1 file, /)
    expect(line.store.scanStatus("photos")).toMatchObject({ state: "done", number: 1 })
  })

  it("of a server goes on there after Ctrl-C, and with --detach", async () => {
    const line = await openFolder()
    const held = holdListing(line)
    const access = served(line)
    const said = await interruptOnce(held.reached, (signal) => line.run(["scan", "photos"], { access, signal }))
    expect(said).toEqual({
      code: 130,
      out: "",
      err: "stored: Interrupted: the scan of photos goes on at the server; go on with stored scan photos --status. [ABORTED]\n",
    })
    const detached = await line.run(["scan", "photos", "--detach"], { access })
    expect(detached).toMatchObject({ code: 0, out: expect.stringMatching(/^photos is being scanned: /) })
    expect(line.store.scanStatus("photos")).toMatchObject({ state: "running", number: 1 })
  })

  it("that somebody else ends is no success", async () => {
    const line = await openFolder()
    const held = holdListing(line)
    const running = line.run(["scan", "photos"])
    await held.reached
    await line.store.cancelScan("photos")
    expect(await running).toMatchObject({
      code: 4,
      out: expect.stringMatching(/cancelled/),
      err: 'stored: The scan of backend "photos" was cancelled by somebody else. [CONFLICT]\n',
    })
  })

  it("that fails ends with its reason, and --force takes the missing for missing", async () => {
    const line = await openFolder()
    await write(line.folder, "a", "a")
    await line.run(["scan", "photos"])
    await rm(join(line.folder, "a"))
    expect(await line.run(["scan", "photos"])).toMatchObject({
      code: 5,
      out: expect.stringMatching(/^photos was scanned in part, failed/),
      err: expect.stringMatching(/Nothing at all lies on backend "photos".*\[BACKEND_UNAVAILABLE\]\n$/),
    })
    expect(await line.run(["scan", "photos", "--force"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ 1 missing/),
    })
  })

  it.each([
    [["scan"], /missing required argument/],
    [["scan", "nowhere"], /nowhere/],
    [["scan", "photos", "--pause", "--cancel"], /--pause stands alone/],
    [["scan", "photos", "--status", "--no-hash"], /--status stands alone/],
    [["scan", "photos", "--detach"], /name it with STORED_URL/],
    [["drift", "nowhere"], /nowhere/],
    [["drift", "photos", "--heal", "-n", "1"], /leave --limit out/],
    [["drift", "photos", "-n", "0"], /not a number from 1/],
  ])("%j is bad usage", async (words, reason) => {
    const line = await openFolder()
    expect(await line.run(words)).toMatchObject({ code: 2, out: "", err: expect.stringMatching(reason) })
    expect(line.store.scanStatus("photos")).toMatchObject({ state: "idle" })
  })
})

describe("the wait for a scan", () => {
  const status = (parts: Partial<ScanStatus>): ScanStatus => ({
    ...({ backend: "photos", number: 1, state: "running", hash: true, cursor: null, started: 0, modified: 0 } as const),
    ...{ files: 1_200, bytes: 3 * 2 ** 20, added: 0, changed: 0, missing: 0, moved: 0, skipped: 0, reasons: {} },
    ...{ looks: 0, lookBytes: 0, error: null, knownAsOf: null, ...parts },
  })
  /** A store whose scan is at these places, one after the other; the last one stays. */
  const at = (...places: (ScanStatus | StoredError)[]): Access => ({
    ...mapStore(),
    scan: async () => status({}),
    scanStatus: async () => {
      const place = places.length > 1 ? places.shift()! : places[0]!
      if (place instanceof StoredError) throw place
      return place
    },
  })

  it("shows on a terminal how far it is, then what is left to be read", async () => {
    const left = status({ state: "done", looks: 40, lookBytes: 2 ** 20 })
    const access = at(status({}), left, { ...left, looks: 20, lookBytes: 2 ** 19 }, status({ state: "done" }))
    const said = await runLine(["scan", "photos"], { access, terminal: true })
    const [listing, reading, half] = said.err.split("\r\u001b[K").slice(1)
    expect(listing).toBe("photos  1,200 files  3.0 MiB  0 B/s")
    expect(reading).toMatch(/^photos .*░.* 0 % {2}40 files left {2}0 B\/1\.0 MiB/)
    expect(half).toMatch(/^photos .*█.*░.* 50 % {2}20 files left {2}512 KiB\/1\.0 MiB {2}\d.*\/s {2}0 s left$/)
    expect(said.err).toMatch(/\r\u001b\[K$/)
    expect(said).toMatchObject({ code: 0, out: expect.stringMatching(/^photos scanned: 1,200 files, 3\.0 MiB/) })
    for (const words of [["--json", "scan", "photos"]])
      expect((await runLine(words, { access: at(status({}), status({ state: "done" })), terminal: true })).err).toBe("")
  })

  it("has lines that say it all", () => {
    expect(listingLine(status({ looks: 1_000 }), 2 ** 20)).toBe(
      "photos  1,200 files  3.0 MiB  1.0 MiB/s  1,000 left to read",
    )
    expect(readingLine(status({ looks: 1, lookBytes: 2 ** 30 }), 2 ** 31, 2 ** 26)).toMatch(
      / 50 % {2}1 file left {2}1\.0 GiB\/2\.0 GiB {2}64 MiB\/s {2}16 s left$/,
    )
  })

  it("asks a server that is away for a while again, and nothing else", async () => {
    const away = new StoredError("BACKEND_UNAVAILABLE", "The server is away.", { retryable: true })
    const done = status({ state: "done" })
    expect((await runLine(["scan", "photos"], { access: at(status({}), away, away, done) })).code).toBe(0)
    const refused = new StoredError("PERMISSION_DENIED", "Not you.")
    expect((await runLine(["scan", "photos"], { access: at(status({}), refused, done) })).code).toBe(5)
  })

  it("ends where what is left cannot be read, later the more there is", async () => {
    const left = status({ state: "done", looks: 1, lookBytes: 10 })
    const line = { signal: new AbortController().signal, stderr: new PassThrough() }
    const follow = (patience: (status: ScanStatus) => number) =>
      followScan(line as unknown as Parameters<typeof followScan>[0], at(left), "photos", { patience })
    await expect(follow(() => 0)).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringMatching(/^1 file \(10 B\) on backend "photos" cannot be read now/),
    })
    expect(patienceFor(left)).toBeGreaterThan(30_000)
    // 4 GiB at 4 MiB a second
    expect(patienceFor(status({ lookBytes: 2 ** 32 })) - patienceFor(status({}))).toBe(1_024_000)
  })
})

describe("drift", () => {
  it("has a line for each difference and ends with 8, or with nothing and 0", async () => {
    const line = await openFolder()
    for (const key of ["goes", "moves", "stays"]) await write(line.folder, key, key)
    await line.run(["scan", "photos"])
    expect(await line.run(["drift", "photos"])).toEqual({ code: 0, out: "", err: "" })
    await line.store.put(Buffer.from("goes"), { key: "copy", durability: "all" })
    await rm(join(line.folder, "goes"))
    await rename(join(line.folder, "moves"), join(line.folder, "m\u001b"))
    await write(line.folder, "new", "new")
    expect(await line.run(["drift", "photos"])).toEqual({
      code: 8,
      out: "missing  goes  (another copy can replace it)\nmissing  moves\nnew      new\n",
      err: "",
    })
    expect((await line.run(["drift", "photos", "-n", "1"])).out).toMatch(/^missing {2}goes .*\n$/)
    const entries = parsed((await line.run(["--json", "drift", "photos"])).out)
    expect(entries).toMatchObject([
      { kind: "missing", key: "goes", objectKey: "photos/goes", healable: true },
      { kind: "missing", key: "moves", healable: false },
      { kind: "new", key: "new", size: 3 },
    ])
  })

  it("--heal brings back what another copy has, waits for it, and tells what could not be", async () => {
    const line = await openLine({ defaultBackends: ["b"] })
    const a = memoryBackend(line, "a")
    for (const key of ["x", "y", "z"]) await a.put(key, bytesSource(Buffer.from(key)), { modified: LONG_AGO.getTime() })
    await line.run(["scan", "a"])
    await line.store.put(Buffer.from("x"), { key: "copy", durability: "all" })
    await a.delete("x")
    const healed = await line.run(["drift", "a", "--heal"])
    expect(healed).toEqual({
      code: 0,
      out: "missing  x  (another copy can replace it)\na: what another copy has is there again\n",
      err: "",
    })
    expect(await a.stat("x")).toMatchObject({ size: 1 })
    await a.delete("x")
    await a.delete("y")
    const [first, second, lost, summary] = parsed((await line.run(["--json", "drift", "a", "--heal"])).out)
    expect([first, second]).toMatchObject([
      { kind: "missing", key: "x" },
      { kind: "missing", key: "y", healable: false },
    ])
    expect(lost).toMatchObject({ kind: "lost", key: "y", error: { code: expect.stringMatching(/^[A-Z_]+$/) } })
    expect(await a.stat("x")).toMatchObject({ size: 1 })
    expect(summary).toEqual({ backend: "a", failed: 1, pending: 0 })
    const again = await line.run(["drift", "a", "--heal"])
    expect(again).toMatchObject({
      code: 8,
      out: expect.stringMatching(/^lost {5}y {2}\S.*\na: 1 could not be brought back\n$/),
    })
  })

  it("--heal does not wait for a backend that is paused", async () => {
    const line = await openLine({})
    await line.store.put(Buffer.from("x"), { key: "x", durability: "all" })
    await line.store.put(Buffer.from("y"), { key: "y", durability: "all" })
    await memoryBackend(line, "a").delete("x")
    await line.store.pauseBackend("a")
    expect(await line.run(["drift", "a", "--heal"])).toMatchObject({
      code: 8,
      out: expect.stringMatching(/: 0 could not be brought back; 1 wait: see stored status\n$/),
    })
  })
})

describe("backends add", () => {
  it("takes a folder in at once where it is to be watched", async () => {
    const line = await openLine({})
    const folder = await temporaryDirectory()
    await write(folder, "a.txt", "a")
    const words = ["backends", "add", "photos", "--driver", "fs", "--root", relative(process.cwd(), folder), "--watch"]
    const said = await line.run([...words, "--mode", "enforce"])
    expect(said).toMatchObject({ code: 0, err: "" })
    expect(said.out).toMatch(/\nphotos scanned: 1 file, 1 B in \d+ s; 1 added,/)
    expect(await keysOf(line)).toEqual(["photos/a.txt"])
    expect(line.services.backends.get("photos").settings).toMatchObject({ root: folder, watch: true, mode: "enforce" })
  })

  it("takes nothing in where nobody asked for it, or a server will", async () => {
    const line = await openLine({})
    const [first, second] = [await temporaryDirectory(), await temporaryDirectory()]
    await line.run(["backends", "add", "plain", "--driver", "fs", "--root", first])
    expect(line.store.scanStatus("plain")).toMatchObject({ state: "idle", number: 0 })
    const off = ["--watch", "--set", "scan.every=off"]
    await line.run(["backends", "add", "watched", "--driver", "fs", "--root", second, ...off])
    expect(line.store.scanStatus("watched")).toMatchObject({ state: "idle", number: 0 })
    const calls: string[] = []
    const scan: Access["scan"] = async (name) => {
      calls.push(name)
      return line.store.scanStatus(name)
    }
    // The server may work elsewhere: it is told the whole path.
    const addBackend: Access["addBackend"] = (name, config) => {
      calls.push(String(config.root))
      return line.store.addBackend(name, config)
    }
    const third = await temporaryDirectory()
    const words = ["backends", "add", "served", "--driver", "fs", "--root", relative(process.cwd(), third), "--watch"]
    const access = { ...served(line), scan, addBackend }
    expect(await line.run(words, { access })).toMatchObject({ code: 0, err: "" })
    expect(calls).toEqual([third])
  })

  it("takes settings of scans by name", async () => {
    const line = await openLine({})
    const folder = await temporaryDirectory()
    await write(folder, "a.txt", "a")
    await write(folder, "b.tmp", "b")
    const set = ["scan.prefix=p/", 'scan.ignore=["*.tmp"]', "scan.every=12h", "scan.hash=false"]
    const words = ["backends", "add", "photos", "--driver", "fs", "--root", folder]
    const said = await line.run(["--json", ...words, ...set.flatMap((each) => ["--set", each])])
    expect(parsed(said.out)).toMatchObject([
      { config: { scan: { prefix: "p/", ignore: ["*.tmp"], every: "12h", hash: false } } },
    ])
    expect(await keysOf(line)).toEqual(["p/a.txt"])
    expect(line.store.scanStatus("photos")).toMatchObject({ reasons: { ignored: 1 } })
  })

  it("asks nobody about scans, and refuses a mode that is none", async () => {
    const line = await openLine({})
    const stdin = Object.assign(new PassThrough(), { isTTY: true })
    const folder = await temporaryDirectory()
    for (const words of [
      ["m", "--driver", "memory"],
      ["f", "--driver", "fs", "--root", folder],
    ])
      expect(await line.run(["backends", "add", ...words], { stdin, terminal: true })).toMatchObject({
        code: 0,
        err: "",
      })
    expect(await line.run(["backends", "add", "n", "--driver", "memory", "--mode", "guess"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/observe, enforce/),
    })
  })
})
