/** Writes past the page cache: the same bytes as the usual way, wherever they end and whatever the file system thinks of it. */
import { randomBytes } from "node:crypto"
import { close as closeFile, open as openFile } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
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
    const file = await DirectFile.open(fd, path)
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
    await expect(DirectFile.open(fd, join(directory, "absent"))).rejects.toMatchObject({ code: "ENOENT" })
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
