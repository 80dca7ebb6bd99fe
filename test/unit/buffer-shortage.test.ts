/**
 * Large content wants several things before it can be moved: descriptors, buffers, hashers. Where one of them cannot be had, those that were taken
 * before are given back: nothing is open, and no buffer is missing.
 */
import { close as closeFile, createReadStream, open as openFile, readdirSync, readlinkSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { createHashers } from "../../src/checksums/hashers.ts"
import { AlignedBuffers } from "../../src/core/aligned-buffers.ts"
import type { BlobSource } from "../../src/core/blob-source.ts"
import type { HasherFactory } from "../../src/core/checksum.ts"
import { stageFile } from "../../src/staging/stage-file.ts"
import { StreamWriter } from "../../src/staging/stream-writer.ts"
import { openBackend, temporaryDirectory } from "./backend-fs-root.ts"

const open = promisify(openFile)
const close = promisify(closeFile)
const hashers = await createHashers()
const LARGE = 2 * 2 ** 20 + 5
const SHORTAGE = "WebAssembly.Memory(): could not allocate memory"

let directory: string
let file: string
/** buffers that are out */
let out: number
/** how many more can be had */
let left: number

beforeEach(async () => {
  directory = await temporaryDirectory()
  file = join(directory, "file")
  await writeFile(file, Buffer.alloc(LARGE, 7))
  out = 0
  left = Number.POSITIVE_INFINITY
  const { take, give } = AlignedBuffers.prototype
  vi.spyOn(AlignedBuffers.prototype, "take").mockImplementation(function (this: AlignedBuffers) {
    // What V8 says where the process has no more address space.
    if (left === 0) throw new RangeError(SHORTAGE)
    left -= 1
    out += 1
    return take.call(this)
  })
  vi.spyOn(AlignedBuffers.prototype, "give").mockImplementation(function (this: AlignedBuffers, buffer) {
    out -= 1
    give.call(this, buffer)
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

function source(): BlobSource {
  return { size: LARGE, path: file, read: () => createReadStream(file) }
}

/** Paths below the test's directory that this process has open. */
function openPaths(below = directory): string[] {
  const paths: string[] = []
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      paths.push(readlinkSync(`/proc/self/fd/${fd}`))
    } catch (error) {
      // The descriptor that listed the others is closed by now.
      expect((error as NodeJS.ErrnoException).code).toBe("ENOENT")
    }
  }
  return paths.filter((path) => path.startsWith(below))
}

it.each([0, 1, 3])("a copy to a folder that gets %i buffers fails, and leaves nothing open", async (count) => {
  const { backend, root } = await openBackend()
  await backend.put("warm", source())
  expect(out).toBe(0)
  const before = openPaths(root)
  left = count
  await expect(backend.put("k", source())).rejects.toMatchObject({
    cause: expect.objectContaining({ message: SHORTAGE }),
  })
  expect(out).toBe(0)
  expect(openPaths()).toEqual([])
  expect(openPaths(root)).toEqual(before)
})

it.each([0, 2])("a checksum that gets %i buffers fails, and leaves nothing open", async (count) => {
  const { backend, root } = await openBackend()
  await backend.put("k", source())
  const before = openPaths(root)
  left = count
  await expect(backend.checksum("k", "sha256")).rejects.toMatchObject({
    cause: expect.objectContaining({ message: SHORTAGE }),
  })
  expect(out).toBe(0)
  expect(openPaths(root)).toEqual(before)
  left = Number.POSITIVE_INFINITY
  expect(await backend.checksum("k", "sha256")).toMatchObject({ size: LARGE })
})

it.each([0, 2])("staging a file with %i buffers fails, and leaves nothing open", async (count) => {
  const target = join(directory, "target")
  await writeFile(target, "")
  left = count
  const task = { source: file, target, size: LARGE, algorithms: ["sha256" as const], durable: true }
  await expect(stageFile(task, hashers)).rejects.toThrow(SHORTAGE)
  expect(out).toBe(0)
  expect(openPaths()).toEqual([])
})

it("a stream that gets one buffer of two gives it back", async () => {
  left = 1
  await withFile((fd) => {
    expect(() => new StreamWriter(fd, hashers, { algorithm: "sha256", durable: true })).toThrow(SHORTAGE)
  })
  expect(out).toBe(0)
})

it("a stream that gets no hasher keeps no buffer", async () => {
  const broken: HasherFactory = {
    ...hashers,
    create: () => {
      throw new Error("no such checksum here")
    },
  }
  await withFile((fd) => {
    expect(() => new StreamWriter(fd, broken, { algorithm: "sha256", durable: true })).toThrow("no such checksum")
  })
  expect(out).toBe(0)
})

async function withFile(work: (fd: number) => void): Promise<void> {
  const fd = await open(join(directory, "stream"), "w")
  try {
    work(fd)
  } finally {
    await close(fd)
  }
}
