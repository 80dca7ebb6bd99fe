/** Files into staging on disk: large ones over threads, and never one that changes meanwhile. */
import { appendFileSync, closeSync, openSync, truncateSync, utimesSync, writeSync } from "node:fs"
import { readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { describe, expect, it, onTestFinished } from "vitest"
import { ChecksumPool } from "../../src/checksums/pool.ts"
import type { ContentStagingOptions } from "../../src/staging/content-staging.ts"
import { stageFile } from "../../src/staging/stage-file.ts"
import { hashThread } from "../../workers/hash-thread-url.ts"
import { bytesOf, hashers } from "../contract/staging-sources.ts"
import { OPTIONS, open, temporaryDirectory } from "./staging-directory.ts"

describe("files", () => {
  async function file(bytes: Uint8Array) {
    const path = join(await temporaryDirectory(), "source")
    await writeFile(path, bytes)
    return { path, size: bytes.length, read: () => Readable.from([bytes]) }
  }

  function pooled(): { stageFile: ContentStagingOptions["stageFile"]; runs: () => number } {
    const pool = new ChecksumPool({ thread: hashThread })
    onTestFinished(() => pool.close())
    let runs = 0
    return {
      runs: () => runs,
      stageFile: (task, options) => {
        runs += 1
        return pool.run("stageFile", task, options)
      },
    }
  }

  it.each(["sha256", "blake3"] as const)("of many chunks go in over a thread (%s)", async (algorithm) => {
    const { stageFile, runs } = pooled()
    const { staging } = await open({ ...(stageFile && { stageFile }) })
    const bytes = bytesOf(5 * 2 ** 20 + 3)
    const options = { ...OPTIONS, algorithm, expect: { xxh3: hashers.hash("xxh3", bytes) } }
    const { id, checksums, hold } = await staging.receive(await file(bytes), options)
    hold.release()
    expect(runs()).toBe(1)
    expect(id).toBe(`${algorithm}:${hashers.hash(algorithm, bytes)}`)
    expect(checksums.xxh3).toBe(options.expect.xxh3)
    expect((await staging.readBuffer(id, bytes.length)).equals(bytes)).toBe(true)
  })

  it("that are aborted on the thread leave nothing", async () => {
    const { stageFile } = pooled()
    const ending = new AbortController()
    const { directory, staging } = await open({
      stageFile: (task, options) => {
        const staged = stageFile!(task, options)
        ending.abort()
        return staged
      },
    })
    const options = { ...OPTIONS, signal: ending.signal }
    await expect(staging.receive(await file(bytesOf(8 * 2 ** 20)), options)).rejects.toMatchObject({ code: "ABORTED" })
    expect(await readdir(join(directory, "tmp"))).toEqual([])
    expect(await Array.fromAsync(staging.list())).toEqual([])
  })

  it.each([200_000, 2 ** 21])("of %d bytes that changed or went since they were opened are refused", async (size) => {
    const { directory, staging } = await open()
    const source = await file(bytesOf(size))
    for (const change of [
      () => writeFile(source.path, bytesOf(size + 1)),
      () => writeFile(source.path, ""),
      () => rm(source.path),
    ]) {
      await change()
      await expect(staging.receive(source, OPTIONS)).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
    }
    expect(await readdir(join(directory, "tmp"))).toEqual([])
    expect(await Array.fromAsync(staging.list())).toEqual([])
  })
})

describe("a file that changes while it is copied", () => {
  function overwrite(path: string): void {
    const fd = openSync(path, "r+")
    writeSync(fd, "new", 2 ** 21)
    closeSync(fd)
    // The clock of a file system may be coarse: two writes of one tick would look like one.
    utimesSync(path, 1, 1)
  }

  const changes: [string, (path: string) => void][] = [
    ["shrinks", (path) => truncateSync(path, 2 ** 21)],
    ["grows", (path) => appendFileSync(path, "more")],
    ["goes", (path) => truncateSync(path, 0)],
    ["is written to", overwrite],
  ]

  it.each(changes)("and %s is refused", async (_, change) => {
    const directory = await temporaryDirectory()
    const [source, target] = [join(directory, "source"), join(directory, "target")]
    // Larger than what is read ahead.
    const bytes = bytesOf(2 ** 24)
    await writeFile(source, bytes)
    await writeFile(target, "")
    const changing = {
      ...hashers,
      create: () => ({
        update: () => change(source),
        digest: () => "0",
      }),
    }
    const task = { source, target, size: bytes.length, algorithms: ["sha256" as const], durable: false }
    await expect(stageFile(task, changing)).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
  })
})
