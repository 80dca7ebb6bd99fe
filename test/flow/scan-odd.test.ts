/** Folders with all that file systems allow (rows 40, 41): what can be taken in is, byte for byte; what cannot is counted with its reason. */
import { execFileSync } from "node:child_process"
import { chmod, link, mkdir, rename, symlink, truncate, utimes, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { scanned } from "./scan-steps.ts"

const LONG_AGO = new Date("2020-01-01T00:00:00Z")

async function write(path: string | Buffer, content: string): Promise<void> {
  await writeFile(path, content)
  await utimes(path, LONG_AGO, LONG_AGO)
}

async function openFolder(folder: string, scan: object = {}): Promise<OpenedStore> {
  return openTestStore({
    backends: {
      photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off", ...scan } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
}

async function keysOf({ store }: OpenedStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list()) keys.push(key)
  return keys
}

describe("an odd folder", () => {
  it("links lead nowhere, and what is no file is passed over", async () => {
    const folder = await temporaryDirectory()
    const outside = await temporaryDirectory()
    await write(join(outside, "secret"), "secret")
    await write(join(folder, "file"), "file")
    await symlink(outside, join(folder, "escape"))
    await symlink(join(outside, "secret"), join(folder, "alias"))
    await symlink(".", join(folder, "loop"))
    await symlink("nowhere", join(folder, "broken"))
    execFileSync("mkfifo", [join(folder, "fifo")])
    const socket = createServer()
    await new Promise<void>((resolve) => socket.listen(join(folder, "socket"), resolve))
    onTestFinished(() => void socket.close())
    const opened = await openFolder(folder)
    await scanned(opened, "photos")
    expect(await keysOf(opened)).toEqual(["file"])
    expect(opened.store.scanStatus("photos")).toMatchObject({
      files: 1,
      skipped: 6,
      reasons: { symlink: 4, "not-a-file": 2 },
    })
  })

  it("a file that becomes a link is a file that is gone", async () => {
    const folder = await temporaryDirectory()
    const outside = await temporaryDirectory()
    await write(join(outside, "secret"), "secret")
    await write(join(folder, "file"), "file")
    await write(join(folder, "other"), "other")
    const opened = await openFolder(folder)
    await scanned(opened, "photos")
    await rename(join(folder, "file"), join(outside, "file"))
    await symlink(join(outside, "secret"), join(folder, "file"))
    await scanned(opened, "photos")
    expect(await opened.store.stat("file")).toMatchObject({ id: idOf("file"), state: "MISSING" })
    await expect(opened.store.get("file")).rejects.toMatchObject({ code: "COPY_UNAVAILABLE" })
  })

  it("names that are no keys are counted, others are kept byte for byte", async () => {
    const folder = await temporaryDirectory()
    const names = ["caf\u00e9", "cafe\u0301", "Caf\u00e9", "x".repeat(255), " space ", "\u{1f4f7}", "a.txt", "a"]
    for (const name of names) await write(join(folder, name), `content of ${name}`)
    await write(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), "no text")
    await write(join(folder, "two\nlines"), "no key")
    const opened = await openFolder(folder)
    await scanned(opened, "photos")
    const kept = await keysOf(opened)
    expect(new Set(kept)).toEqual(new Set(names))
    for (const name of names) expect((await opened.store.get(name)).toString()).toBe(`content of ${name}`)
    expect(opened.store.scanStatus("photos")).toMatchObject({ skipped: 2, reasons: { "invalid-name": 2 } })
  })

  it("hard links are read once, and each is an object of its own", async () => {
    const folder = await temporaryDirectory()
    await write(join(folder, "one"), "linked")
    await link(join(folder, "one"), join(folder, "two"))
    await mkdir(join(folder, "d"))
    await link(join(folder, "one"), join(folder, "d/three"))
    // A batch holds so many files; what lies behind it is read by another one.
    for (let index = 0; index < 70; index += 1) await write(join(folder, `p${index}`), `${index}`)
    await link(join(folder, "one"), join(folder, "z"))
    const opened = await openFolder(folder)
    const read: string[] = []
    const run = opened.scanPool.run.bind(opened.scanPool)
    opened.scanPool.run = ((name: string, task: { paths?: string[] }, options: object) => {
      read.push(...(task.paths ?? []))
      return run(name, task, options)
    }) as typeof run
    await scanned(opened, "photos")
    for (const key of ["one", "two", "d/three", "z"]) {
      expect(await opened.store.stat(key)).toMatchObject({ id: idOf("linked"), locationCount: 1 })
    }
    const linked = read.filter((path) => ["one", "two", "three", "z"].includes(path.split("/").at(-1)!))
    expect(linked.length).toBe(1)
    expect(opened.services.catalog.blob(idOf("linked"))).toMatchObject({ references: 4, synced: 4 })
  })

  it("holes of sparse files are content like any other", async () => {
    const folder = await temporaryDirectory()
    const path = join(folder, "sparse")
    await writeFile(path, "")
    await truncate(path, 3_000_000)
    await utimes(path, LONG_AGO, LONG_AGO)
    const opened = await openFolder(folder)
    await scanned(opened, "photos")
    expect(await opened.store.stat("sparse")).toMatchObject({ id: idOf("\0".repeat(3_000_000)), size: 3_000_000 })
  })

  it("patterns of gitignore pass files over", async () => {
    const folder = await temporaryDirectory()
    await mkdir(join(folder, "node_modules/a"), { recursive: true })
    for (const name of ["a.txt", "a.tmp", "keep.tmp", "node_modules/a/b", "deep.log"])
      await write(join(folder, name), name)
    const opened = await openFolder(folder, { ignore: ["*.tmp", "!keep.tmp", "node_modules/", "/deep.*"] })
    await scanned(opened, "photos")
    expect(await keysOf(opened)).toEqual(["a.txt", "keep.tmp"])
    expect(opened.store.scanStatus("photos")).toMatchObject({ reasons: { ignored: 3 } })
    const drift = []
    for await (const entry of opened.store.drift("photos")) drift.push(entry)
    expect(drift).toEqual([])
  })

  it("a key that another object has is left alone and counted", async () => {
    const folder = await temporaryDirectory()
    await write(join(folder, "same"), "equal")
    await write(join(folder, "other"), "of the folder")
    const opened = await openFolder(folder)
    await opened.store.put(Buffer.from("equal"), { key: "same" })
    await opened.store.put(Buffer.from("put"), { key: "other" })
    await opened.store.idle()
    await scanned(opened, "photos")
    expect(await opened.store.stat("same")).toMatchObject({ id: idOf("equal"), locationCount: 2 })
    expect(await opened.store.stat("other")).toMatchObject({ id: idOf("put"), locationCount: 1 })
    expect(opened.store.scanStatus("photos")).toMatchObject({ added: 1, reasons: { taken: 1 } })
  })

  it.skipIf(process.getuid?.() === 0)("a file that may not be read is looked at again later", async () => {
    const folder = await temporaryDirectory()
    await write(join(folder, "closed"), "closed")
    await chmod(join(folder, "closed"), 0)
    const opened = await openFolder(folder)
    await opened.store.scan("photos")
    await expect.poll(() => opened.store.scanStatus("photos")).toMatchObject({ state: "done", looks: 1 })
  })
})
