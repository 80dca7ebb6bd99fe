/** `stored scan`: what it shows, what it leaves behind, and what it ends with. */
import { rm, symlink } from "node:fs/promises"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { describe, expect, it } from "vitest"
import type { Access } from "../../src/cli/command-line.ts"
import { followScan, patienceFor } from "../../src/cli/follow-scan.ts"
import { listingLine, readingLine } from "../../src/cli/scan-progress.ts"
import { StoredError } from "../../src/core/error.ts"
import type { ScanStatus } from "../../src/store/store.ts"
import { mapStore } from "../unit/map-store.ts"
import { holdListing, interruptOnce, keysOf, openFolder, parsed, served } from "./cli-folder.ts"
import { runLine } from "./cli-line.ts"
import { writeResting as write } from "./resting-file.ts"

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
    ...{
      looks: 0,
      lookBytes: 0,
      read: 0,
      expected: null,
      error: null,
      knownAsOf: null,
      reading: 0,
      changing: 0,
      waits: null,
      ...parts,
    },
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
    // 4 GiB at 64 KiB a second, while something of it is read
    expect(patienceFor(status({ lookBytes: 2 ** 32, reading: 1 })) - patienceFor(status({}))).toBe(65_536_000)
    expect(patienceFor(status({ lookBytes: 2 ** 32 }))).toBe(patienceFor(status({})))
  })

  it("ends at once where nothing may be read before another time of day, and says which", async () => {
    const waits = { code: "OUT_OF_HOURS", message: "Nothing before ten." } as const
    const said = await runLine(["scan", "photos"], {
      access: at(status({ state: "done", looks: 1, reading: 1, waits })),
    })
    expect(said).toMatchObject({
      code: 5,
      err: expect.stringMatching(/cannot be read now: Nothing before ten; they are/),
    })
  })
})
