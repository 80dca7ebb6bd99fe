/** Writes past the page cache: the same bytes as the usual way, wherever they end and whatever the file system thinks of it. */
import { randomBytes } from "node:crypto"
import { close as closeFile, open as openFile } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { AlignedBuffers } from "../../src/core/aligned-buffers.ts"
import { DirectFile } from "../../src/core/direct-file.ts"

const open = promisify(openFile)
const close = promisify(closeFile)
const CHUNK = 64 * 1024

describe("DirectFile", () => {
  let directory: string
  let path: string
  let fd: number

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "stored-direct-"))
    path = join(directory, "file")
    fd = await open(path, "wx")
  })

  afterEach(async () => {
    await close(fd)
    await rm(directory, { recursive: true })
  })

  async function writeAll(bytes: Buffer, take: () => Buffer, give: (buffer: Buffer) => void): Promise<void> {
    const file = await DirectFile.open(fd, "write")
    for (let position = 0; position < bytes.length; position += CHUNK) {
      const buffer = take()
      const length = bytes.copy(buffer, 0, position, position + CHUNK)
      await file.write(buffer, length, position)
      give(buffer)
    }
    await file.finish()
    await file.close()
  }

  it.each([1, 4095, 4096, 4097, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 12_345])(
    "writes %i bytes as they are",
    async (size) => {
      const buffers = new AlignedBuffers(CHUNK, 2)
      const bytes = randomBytes(size)
      await writeAll(
        bytes,
        () => buffers.take(),
        (buffer) => buffers.give(buffer),
      )
      expect((await readFile(path)).equals(bytes)).toBe(true)
    },
  )

  it("goes the usual way where the system refuses, as it does for buffers that are not aligned", async () => {
    const bytes = randomBytes(2 * CHUNK + 5)
    await writeAll(
      bytes,
      () => Buffer.allocUnsafeSlow(2 * CHUNK).subarray(1, CHUNK + 1),
      () => {},
    )
    expect((await readFile(path)).equals(bytes)).toBe(true)
  })

  it("tells other errors of the system", async () => {
    const reading = await open(path, "r")
    try {
      const file = await DirectFile.open(reading, "read")
      const buffers = new AlignedBuffers(CHUNK, 1)
      await expect(file.write(buffers.take(), CHUNK, 0)).rejects.toMatchObject({ code: "EBADF" })
      await file.close()
    } finally {
      await close(reading)
    }
  })

  it.each([
    ["aligned", new AlignedBuffers(CHUNK, 1).take()],
    ["any", Buffer.allocUnsafeSlow(CHUNK + 1).subarray(1)],
  ])("reads what there is, into %s buffers", async (_, buffer) => {
    const bytes = randomBytes(2 * CHUNK + 5)
    await writeFile(path, bytes)
    const reading = await open(path, "r")
    try {
      const file = await DirectFile.open(reading, "read")
      const read = async (position: number): Promise<Buffer> => {
        const count = await file.read(buffer, position)
        return Buffer.from(buffer.subarray(0, count))
      }
      const parts = [await read(0), await read(CHUNK), await read(2 * CHUNK), await read(3 * CHUNK)]
      expect(parts.map((part) => part.length)).toEqual([CHUNK, CHUNK, 5, 0])
      expect(Buffer.concat(parts).equals(bytes)).toBe(true)
      await file.close()
    } finally {
      await close(reading)
    }
  })
})

describe("AlignedBuffers", () => {
  it("gives each buffer to one holder at a time, and uses it again", () => {
    const buffers = new AlignedBuffers(4096, 2)
    const taken = [buffers.take(), buffers.take(), buffers.take()]
    expect(new Set(taken).size).toBe(3)
    for (const [index, buffer] of taken.entries()) buffer.fill(index)
    expect(taken.map((buffer) => buffer.every((byte, _, all) => byte === all[0]))).toEqual([true, true, true])
    for (const buffer of taken) buffers.give(buffer)
    const again = buffers.take()
    buffers.give(again)
    expect(buffers.take()).toBe(again)
  })

  it("refuses what was not taken, or was given back before", () => {
    const buffers = new AlignedBuffers(4096, 2)
    const buffer = buffers.take()
    buffers.give(buffer)
    expect(() => buffers.give(buffer)).toThrow(TypeError)
    expect(() => buffers.give(Buffer.alloc(4096))).toThrow(TypeError)
  })
})
