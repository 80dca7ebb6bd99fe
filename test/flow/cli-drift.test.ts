/** `stored drift` and folders that are added: what they show, what they leave behind, and what they end with. */
import { rename, rm } from "node:fs/promises"
import { join, relative } from "node:path"
import { PassThrough } from "node:stream"
import { describe, expect, it } from "vitest"
import type { Access } from "../../src/cli/command-line.ts"
import { bytesSource } from "../../src/store/input-bytes.ts"
import { keysOf, openFolder, openLine, parsed, served } from "./cli-folder.ts"
import { memoryBackend, temporaryDirectory } from "./open-store.ts"
import { LONG_AGO, writeResting as write } from "./resting-file.ts"

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
      code: 5,
      err: expect.stringMatching(/Backend "a" is paused; it goes on once it is resumed/),
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
