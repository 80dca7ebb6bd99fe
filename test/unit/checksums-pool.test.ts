/** The thread pool: right answers, typed errors across threads, aborts, lazy start, the end. */
import { execFileSync } from "node:child_process"
import { appendFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs"
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hashFile } from "../../src/checksums/hash-file.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { ChecksumPool } from "../../src/checksums/pool.ts"
import { answering, resultOf } from "../../src/checksums/thread-answer.ts"
import { CHECKSUM_ALGORITHMS, type HasherFactory } from "../../src/core/checksum.ts"
import { QuotaExceededError, StoredError } from "../../src/core/error.ts"
import { hashThread } from "../../workers/hash-thread-url.ts"

const hashers = await createHashers()
let directory = ""
let pool: ChecksumPool

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stored-pool-"))
  pool = new ChecksumPool({ thread: hashThread, maxThreads: 2 })
})
afterAll(async () => {
  await pool.close()
  await rm(directory, { recursive: true })
})

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, bytes)
  return path
}

const bytes = Buffer.from(Uint8Array.from({ length: 2_500_001 }, (_, index) => (index * 31) % 251))

describe("ChecksumPool", () => {
  it("starts no thread before the first task", async () => {
    const idle = new ChecksumPool({ thread: hashThread })
    expect(idle.threads).toBe(0)
    await idle.close()
    await idle.close()
  })

  it("hashes a file with every algorithm in one pass", async () => {
    const path = await file("whole", bytes)
    const hashed = await pool.hashFile(path, [...CHECKSUM_ALGORITHMS])
    expect(hashed.size).toBe(bytes.length)
    for (const name of CHECKSUM_ALGORITHMS) expect(hashed.checksums[name], name).toBe(hashers.hash(name, bytes))
  })

  it("hashes an empty file, and a range", async () => {
    const path = await file("range", bytes)
    const empty = await file("empty", new Uint8Array())
    expect((await pool.hashFile(empty, ["crc32c"])).checksums.crc32c).toBe("00000000")
    const range = await pool.hashFile(path, ["sha256"], { start: 1_000_000, end: 2_200_000 })
    expect(range).toEqual({
      size: 1_200_000,
      checksums: { sha256: hashers.hash("sha256", bytes.subarray(1_000_000, 2_200_000)) },
    })
    const tail = await pool.hashFile(path, ["sha256"], { start: 2_500_000, end: 9_999_999 })
    expect(tail.size).toBe(1)
  })

  it("brings errors back with their codes", async () => {
    await expect(pool.hashFile(join(directory, "none"), ["sha256"])).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(pool.hashFile(directory, ["sha256"])).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })

  it("does not wait for a fifo", async () => {
    const fifo = join(directory, "fifo")
    execFileSync("mkfifo", [fifo])
    await expect(pool.hashFile(fifo, ["sha256"])).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })

  it("ends a running task by its signal, and goes on after it", async () => {
    const path = join(directory, "sparse")
    await writeFile(path, "")
    await truncate(path, 64 * 2 ** 30)
    const controller = new AbortController()
    const running = pool.hashFile(path, ["sha256"], { signal: controller.signal })
    // Once a second task is through on the other thread, the first one has begun.
    const small = await file("small", Buffer.from("abc"))
    await pool.hashFile(small, ["crc32c"])
    controller.abort()
    await expect(running).rejects.toMatchObject({ code: "ABORTED" })
    expect((await pool.hashFile(small, ["crc32c"])).checksums.crc32c).toBe("364b3fb7")
    await expect(pool.hashFile(small, ["crc32c"], { signal: controller.signal })).rejects.toMatchObject({
      code: "ABORTED",
    })
  })

  it("rejects, and does not hang or crash, where the thread file cannot be loaded", async () => {
    const broken = new ChecksumPool({ thread: new URL("./no-such.thread.ts", hashThread), maxThreads: 2 })
    for (const round of [1, 2, 3]) {
      const tasks = Array.from({ length: round * 2 }, () => broken.hashFile("any", ["sha256"]))
      for (const { reason, status } of await Promise.allSettled(tasks).then((all) => all as PromiseRejectedResult[])) {
        expect(status).toBe("rejected")
        expect(reason).toMatchObject({ code: "INTERNAL", retryable: true, message: expect.stringMatching(/no-such/) })
      }
    }
    await broken.close()
  })

  it("stages a file: copied and hashed in a thread", async () => {
    const source = await file("to-stage", bytes)
    const target = await file("staged", new Uint8Array())
    const task = { source, target, size: bytes.length, algorithms: ["blake3", "sha256"], durable: true }
    expect(await pool.run("stageFile", task)).toMatchObject({
      size: bytes.length,
      checksums: { blake3: hashers.hash("blake3", bytes), sha256: hashers.hash("sha256", bytes) },
    })
    expect((await readFile(target)).equals(bytes)).toBe(true)
    await expect(pool.run("stageFile", { ...task, size: 5 })).rejects.toMatchObject({ code: "SOURCE_FAILED" })
  })

  it("rejects an export that is not there", async () => {
    await expect(pool.run("noSuchFunction", {})).rejects.toMatchObject({ code: "INTERNAL" })
  })

  it("lets what runs end when it is closed, and takes nothing more", async () => {
    const closing = new ChecksumPool({ thread: hashThread, maxThreads: 1 })
    const running = closing.hashFile(await file("last", bytes), ["sha256"])
    const ended = expect(running).resolves.toMatchObject({ size: bytes.length })
    await Promise.all([ended, closing.close()])
    await expect(closing.hashFile("any", ["sha256"])).rejects.toMatchObject({ code: "CLOSED" })
  })
})

describe("hashFile", () => {
  const early = new Date(1000)
  it.each<[string, (path: string) => void]>([
    ["shrinks", (path) => truncateSync(path, 5)],
    ["is overwritten at the same size", (path) => writeFileSync(path, Buffer.alloc(bytes.length, 1))],
    [
      "grows and is given its old time",
      (path) => {
        appendFileSync(path, "more")
        utimesSync(path, early, early)
      },
    ],
  ])("refuses a file that %s while it is read", async (_, meddle) => {
    const path = await file("changing", bytes)
    utimesSync(path, early, early)
    const meddling: HasherFactory = {
      hash: hashers.hash,
      create: (name) => {
        const hasher = hashers.create(name)
        const update = (chunk: Uint8Array): void => {
          meddle(path)
          hasher.update(chunk)
        }
        return { digest: () => hasher.digest(), update }
      },
    }
    await expect(hashFile({ path, algorithms: ["sha256"] }, meddling)).rejects.toMatchObject({
      code: "SOURCE_FAILED",
      retryable: true,
    })
  })
})

describe("answers of threads", () => {
  it("keep code, sentence, retryable and details", async () => {
    const failing = answering(async () => {
      throw new QuotaExceededError("Full.", { details: { limit: 5 } })
    })
    const answer = await failing({})
    const thrown = (() => {
      try {
        return resultOf(structuredClone(answer))
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toBeInstanceOf(StoredError)
    expect(thrown).toMatchObject({ code: "QUOTA_EXCEEDED", message: "Full.", retryable: true, details: { limit: 5 } })
    expect(resultOf(await answering(async (task: number) => task + 1)(1))).toBe(2)
  })
})
