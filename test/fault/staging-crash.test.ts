/**
 * Crashes of staging: what the intake log promised is there after `recover`, whatever became of the content files, wherever the log was cut, however
 * often it is tried. A killed process loses nothing that it acknowledged.
 */
import { spawn } from "node:child_process"
import { appendFile, cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { describe, expect, it } from "vitest"
import { isBlobId } from "../../src/core/blob-id.ts"
import { encodeRecord, HEADER_BYTES as HEADER } from "../../src/staging/log-record.ts"
import { contentFile, damageFile } from "../contract/staging-damage.ts"
import { bytesOf, idOf, inMemory } from "../contract/staging-sources.ts"
import { openStaging, temporaryDirectory } from "./staging-open.ts"

/** A staging directory as it lies when the process is gone: content and one log segment, never closed. */
async function crashed(contents: Buffer[]): Promise<string> {
  const { directory, put } = await openStaging()
  for (const bytes of contents) await put(inMemory(bytes))
  return copyOf(directory)
}

async function copyOf(directory: string): Promise<string> {
  const copy = join(await temporaryDirectory(), "staging")
  await cp(directory, copy, { recursive: true })
  return copy
}

async function segment(directory: string): Promise<string> {
  const [name] = await readdir(join(directory, "log"))
  return join(directory, "log", name!)
}

describe("recovery from the intake log", () => {
  it("writes content again that is missing, cut, emptied or damaged", async () => {
    const contents = [0, 1, 100, 5000, 100_000].map(bytesOf)
    const directory = await crashed(contents)
    await rm(contentFile(directory, idOf(contents[0]!)))
    await truncate(contentFile(directory, idOf(contents[2]!)), 0)
    await truncate(contentFile(directory, idOf(contents[3]!)), 4096)
    await damageFile(directory, idOf(contents[4]!), "flip")
    // Last: another one may lie in the same folder.
    await rm(join(directory, "content-v2", "sha256", idOf(contents[1]!).slice(7, 9)), { recursive: true })
    const { staging, recovered } = await openStaging({ directory })
    expect(recovered).toEqual({ restored: 5, swept: 0 })
    for (const bytes of contents) expect((await staging.readBuffer(idOf(bytes), bytes.length)).equals(bytes)).toBe(true)
  })

  it("leaves alone what the catalog does not want, and what is good", async () => {
    const contents = [100, 200, 300].map(bytesOf)
    const directory = await crashed(contents)
    const unwanted = idOf(contents[0]!)
    for (const bytes of contents.slice(0, 2)) await rm(contentFile(directory, idOf(bytes)))
    const { staging, recovered } = await openStaging({ directory, wants: (id) => id !== unwanted })
    expect(recovered.restored).toBe(1)
    expect(await staging.check(unwanted, 100)).toBe("missing")
    expect(await staging.check(idOf(contents[1]!), 200)).toBe("good")
  })

  it("does not believe a record whose content is not what it says", async () => {
    const directory = await crashed([bytesOf(10)])
    const bytes = bytesOf(50)
    const [wanted, forged] = [idOf(bytes), Buffer.alloc(HEADER + 50)]
    encodeRecord(forged, 0, { id: wanted, bytes: bytesOf(50) })
    await appendFile(await segment(directory), forged)
    const { staging, recovered } = await openStaging({ directory })
    expect(recovered.restored).toBe(0)
    expect(await staging.check(wanted, 50)).toBe("missing")
  })

  it("sweeps what was under way", async () => {
    const directory = await crashed([bytesOf(10)])
    await writeFile(join(directory, "tmp", "half"), bytesOf(1000))
    await mkdir(join(directory, "tmp", "odd"))
    const { recovered, temporary } = await openStaging({ directory })
    expect(recovered).toEqual({ restored: 0, swept: 2 })
    expect(await temporary()).toEqual([])
  })

  it("takes a log that was cut anywhere in its last record", async () => {
    const contents = [bytesOf(200), bytesOf(64)]
    const directory = await crashed(contents)
    // Each of the two is a batch of its own, and begins at a whole block.
    const last = (await readFile(await segment(directory))).indexOf("StLg", 1)
    const whole = last + HEADER + 64
    await rm(join(directory, "content-v2"), { recursive: true })
    for (let length = last; length <= whole; length += 1) {
      const copy = await copyOf(directory)
      await truncate(await segment(copy), length)
      const { staging, recovered } = await openStaging({ directory: copy })
      expect(recovered.restored).toBe(length === whole ? 2 : 1)
      expect(await staging.check(idOf(contents[0]!), 200)).toBe("good")
      expect(await staging.check(idOf(contents[1]!), 64)).toBe(length === whole ? "good" : "missing")
      await staging.close()
    }
  })

  it("is the same after a second crash in the middle of it", async () => {
    const contents = Array.from({ length: 50 }, () => bytesOf(500))
    const directory = await crashed(contents)
    await rm(join(directory, "content-v2"), { recursive: true })
    let left = 20
    const dying = openStaging({
      directory,
      wants: () => {
        left -= 1
        if (left < 0) throw new Error("killed")
        return true
      },
    })
    await expect(dying).rejects.toThrow("killed")
    const first = await openStaging({ directory: await copyOf(directory) })
    expect(first.recovered.restored).toBe(30)
    const again = await openStaging({ directory: await copyOf(first.directory) })
    expect(again.recovered.restored).toBe(0)
    for (const bytes of contents) expect(await again.staging.check(idOf(bytes), 500)).toBe("good")
  })

  it("goes on behind the old segments, and lets them go in the end", async () => {
    const directory = await crashed([bytesOf(10)])
    const { staging, put } = await openStaging({ directory })
    const { id } = await put(inMemory(bytesOf(20)))
    await staging.close()
    expect(await readdir(join(directory, "log"))).toEqual([])
    expect(await staging.check(id, 20)).toBe("good")
  })
})

describe("a killed process", () => {
  const WRITER = new URL("./staging-writer.ts", import.meta.url)

  /** Runs the writer, kills it after so many acknowledgements. What it acknowledged. */
  async function killedAfter(directory: string, count: number): Promise<string[]> {
    const child = spawn(process.execPath, [WRITER.pathname, directory], { stdio: ["ignore", "pipe", "inherit"] })
    const acknowledged: string[] = []
    for await (const line of createInterface(child.stdout)) {
      acknowledged.push(line)
      if (acknowledged.length === count) child.kill("SIGKILL")
    }
    return acknowledged
  }

  it("loses nothing that it acknowledged, five times over, even where every unflushed file is gone", {
    timeout: 120_000,
  }, async () => {
    const directory = join(await temporaryDirectory(), "staging")
    const all = new Map<string, number>()
    for (let round = 0; round < 5; round += 1) {
      const lines = await killedAfter(directory, 50 + round * 37)
      expect(lines.length).toBeGreaterThanOrEqual(50 + round * 37)
      const fresh = lines.map((line) => line.split(" ") as [string, string])
      for (const [id, size] of fresh) all.set(id, Number(size))
      // What a power cut may do to files that were never flushed: small ones are only in the log so far.
      for (const [id, size] of fresh)
        if (isBlobId(id) && Number(size) <= 131_072) await rm(contentFile(directory, id), { force: true })
      const { staging, temporary } = await openStaging({ directory, wants: (id) => all.has(id) })
      for (const [id, size] of all) expect(isBlobId(id) && (await staging.check(id, size))).toBe("good")
      expect(await temporary()).toEqual([])
      await staging.close()
    }
  })
})
