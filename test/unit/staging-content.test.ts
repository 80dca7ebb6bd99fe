/** What staging on disk has of its own: its layout is cacache's, its directory has a format, what is under way leaves nothing, large files go over threads. */
import { appendFileSync, closeSync, openSync, truncateSync, utimesSync, writeSync } from "node:fs"
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import cacache from "cacache"
import { describe, expect, it, onTestFinished } from "vitest"
import { ChecksumPool } from "../../src/checksums/pool.ts"
import { splitBlobId } from "../../src/core/blob-id.ts"
import { ContentStaging, type ContentStagingOptions } from "../../src/staging/content-staging.ts"
import { stageFile } from "../../src/staging/stage-file.ts"
import type { ReceiveOptions } from "../../src/staging/staging.ts"
import { hashThread } from "../../workers/hash-thread-url.ts"
import { contentFile, damageFile } from "../contract/staging-damage.ts"
import { TestLedger } from "../contract/staging-ledger.ts"
import { bytesOf, collect, hashers, idOf, inMemory, streaming } from "../contract/staging-sources.ts"

const OPTIONS: ReceiveOptions = { algorithm: "sha256", durable: true }

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "stored-staging-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

function make(directory: string, options: Partial<ContentStagingOptions> = {}): ContentStaging {
  const staging = new ContentStaging({
    directory,
    maxSize: null,
    minFree: 0,
    evict: true,
    hashers,
    ledger: new TestLedger(),
    clock: { now: () => Date.now() },
    onTrouble: (error) => {
      throw error
    },
    ...options,
  })
  onTestFinished(() => staging.close())
  return staging
}

async function open(options: Partial<ContentStagingOptions> = {}) {
  const directory = await temporaryDirectory()
  const staging = make(directory, options)
  await staging.open()
  await staging.recover(() => true)
  return { directory, staging }
}

function integrity(bytes: Buffer): string {
  return `sha256-${Buffer.from(splitBlobId(idOf(bytes)).hex, "hex").toString("base64")}`
}

describe("the layout", () => {
  it("is read by cacache", async () => {
    const { directory, staging } = await open()
    for (const size of [0, 1000, 300_000]) {
      const bytes = bytesOf(size)
      const { hold } = await staging.receive(streaming(bytes), OPTIONS)
      expect((await cacache.get.byDigest(directory, integrity(bytes))).equals(bytes)).toBe(true)
      const chunks: Buffer[] = []
      for await (const chunk of cacache.get.stream.byDigest(directory, integrity(bytes))) chunks.push(chunk as Buffer)
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
      hold.release()
    }
  })

  it("is written by cacache", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(5000)
    await cacache.put(directory, "key", bytes, { algorithms: ["sha256"] })
    expect((await staging.readBuffer(idOf(bytes), 5000)).equals(bytes)).toBe(true)
    expect(await staging.check(idOf(bytes), 5000)).toBe("good")
    const { reused, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    expect(reused).toBe(true)
    hold.release()
    const listed = await Array.fromAsync(staging.list())
    expect(listed).toEqual([{ id: idOf(bytes), size: 5000, path: contentFile(directory, idOf(bytes)) }])
  })

  it("passes over what is no content", async () => {
    const { directory, staging } = await open()
    const { id, hold } = await staging.receive(inMemory(bytesOf(10)), OPTIONS)
    hold.release()
    const content = join(directory, "content-v2", "sha256")
    await mkdir(join(content, "zz", "yy"), { recursive: true })
    await writeFile(join(content, "zz", "yy", "nothing"), "")
    await writeFile(join(content, "stray"), "")
    await mkdir(join(content, "aa", "bb", "c".repeat(60)), { recursive: true })
    expect((await Array.fromAsync(staging.list())).map((file) => file.id)).toEqual([id])
  })
})

describe("the directory", () => {
  it("is made, opened again, and refused when it is of a newer format", async () => {
    const directory = join(await temporaryDirectory(), "deep", "er")
    await make(directory).open()
    await make(directory).open()
    expect(await readFile(join(directory, "format"), "utf8")).toBe("stored-staging 1\n")
    await writeFile(join(directory, "format"), "stored-staging 2\n")
    await expect(make(directory).open()).rejects.toMatchObject({ code: "DATA_DIRECTORY_NEWER" })
    await writeFile(join(directory, "format"), "something else")
    await expect(make(directory).open()).rejects.toMatchObject({ code: "DATA_DIRECTORY_UNUSABLE" })
  })

  it("is refused where there is a file, or something that is no directory in its place", async () => {
    const directory = await temporaryDirectory()
    await writeFile(join(directory, "file"), "")
    await symlink("/nowhere/at/all", join(directory, "link"))
    for (const name of ["file", "link", "file/below"]) {
      const error: unknown = await make(join(directory, name))
        .open()
        .catch((failure: unknown) => failure)
      expect(error).toMatchObject({ code: "DATA_DIRECTORY_UNUSABLE" })
      expect((error as Error).message).toContain("see that it is a directory")
    }
  })

  it("takes nothing before it has recovered", async () => {
    const staging = make(await temporaryDirectory())
    await staging.open()
    await expect(staging.receive(inMemory(bytesOf(1)), OPTIONS)).rejects.toMatchObject({ code: "CLOSED" })
  })

  it("survives that somebody removes a directory of content", async () => {
    const { directory, staging } = await open()
    for (const size of [100, 200_000]) {
      const bytes = bytesOf(size)
      const put = async (): Promise<void> => (await staging.receive(inMemory(bytes), OPTIONS)).hold.release()
      await put()
      await rm(join(directory, "content-v2", "sha256", idOf(bytes).slice(7, 9)), { recursive: true })
      await put()
      expect(await staging.check(idOf(bytes), size)).toBe("good")
    }
  })

  it("leaves the log empty when it is closed", async () => {
    const { directory, staging } = await open()
    for (let index = 0; index < 50; index += 1) {
      const { hold } = await staging.receive(inMemory(bytesOf(index)), OPTIONS)
      hold.release()
    }
    expect(await readdir(join(directory, "log"))).toHaveLength(1)
    await staging.close()
    expect(await readdir(join(directory, "log"))).toEqual([])
  })
})

describe("re-puts of large content", () => {
  it("trust what was verified and is untouched, and nothing else", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(2 ** 21)
    const id = idOf(bytes)
    const put = async () => {
      const { reused, hold } = await staging.receive(streaming(bytes), OPTIONS)
      hold.release()
      return { reused, inode: (await stat(contentFile(directory, id))).ino }
    }
    const first = await put()
    expect(await put()).toEqual({ reused: true, inode: first.inode })
    await damageFile(directory, id, "flip")
    expect((await put()).reused).toBe(false)
    expect(await staging.check(id, bytes.length)).toBe("good")
    const again = make(directory)
    await again.open()
    await again.recover(() => true)
    const { reused, hold } = await again.receive(streaming(bytes), OPTIONS)
    hold.release()
    expect(reused).toBe(false)
    expect(await again.check(id, bytes.length)).toBe("good")
  })
})

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

describe("reading", () => {
  it("closes its file, read or not", async () => {
    const { staging } = await open()
    const bytes = bytesOf(3 * 2 ** 20)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    const before = (await readdir("/proc/self/fd")).length
    const closed: Promise<unknown>[] = []
    for (let index = 0; index < 20; index += 1) {
      const stream = await staging.read(id, bytes.length)
      closed.push(new Promise((resolve) => stream.once("close", resolve)))
      if (index % 3 === 0) await stream[Symbol.asyncIterator]().next()
      if (index % 3 === 1) await collect(stream)
      stream.destroy()
    }
    await Promise.all(closed)
    expect((await readdir("/proc/self/fd")).length).toBe(before)
  })

  it("ends with ABORTED in the middle", async () => {
    const { staging } = await open()
    const bytes = bytesOf(8 * 2 ** 20)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    const ending = new AbortController()
    const stream = await staging.read(id, bytes.length, { signal: ending.signal })
    const chunks = stream[Symbol.asyncIterator]()
    await chunks.next()
    ending.abort()
    const rest = async (): Promise<void> => {
      for (let next = await chunks.next(); !next.done; next = await chunks.next());
    }
    await expect(rest()).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("holds back the end of what is damaged in its last bytes", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(3 * 2 ** 20)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    const bad = Buffer.from(bytes)
    bad[bad.length - 1]! ^= 1
    await writeFile(contentFile(directory, id), bad)
    let count = 0
    const read = async (): Promise<void> => {
      for await (const chunk of await staging.read(id, bytes.length)) count += (chunk as Buffer).length
    }
    await expect(read()).rejects.toMatchObject({ code: "CORRUPT" })
    expect(count).toBeLessThan(bytes.length)
  })

  it("keeps bad content in the quarantine", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(100)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    await damageFile(directory, id, "truncate")
    await staging.quarantine(id)
    const [name] = await readdir(join(directory, "quarantine"))
    expect(name).toContain(id.slice(7))
    expect((await readFile(join(directory, "quarantine", name!))).equals(bytes.subarray(0, 50))).toBe(true)
  })
})
