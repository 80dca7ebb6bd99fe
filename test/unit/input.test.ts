/** Every form that `put` takes, read once and again; every form it refuses; files that change. */
import { execFileSync } from "node:child_process"
import { closeSync, createReadStream, openSync, readdirSync, readlinkSync } from "node:fs"
import { appendFile, chmod, mkdir, rename, rm, symlink, utimes } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { PassThrough, Readable, Writable } from "node:stream"
import { buffer } from "node:stream/consumers"
import { pathToFileURL } from "node:url"
import { describe, expect, it } from "vitest"
import { openInput } from "../../src/store/input.ts"
import type { PutInput } from "../../src/store/store.ts"
import { chunks, directory, file, LARGE, refusal, SMALL } from "./input-sources.ts"

describe.each([
  ["small", SMALL],
  ["large", LARGE],
  ["empty", Buffer.alloc(0)],
])("a %s input", (name, bytes) => {
  const forms: [string, boolean, () => PutInput | Promise<PutInput>][] = [
    ["Buffer", false, () => bytes],
    ["Uint8Array", false, () => new Uint8Array(bytes)],
    ["ArrayBuffer", false, () => new Uint8Array(bytes).buffer],
    ["shared memory", false, () => new Uint8Array(new SharedArrayBuffer(bytes.length)).fill(0)],
    ["Blob", false, () => new Blob([bytes])],
    ["File", false, () => new File([bytes], "photo.png", { type: "image/png", lastModified: 5 })],
    ["path", false, () => file(`path-${name}`, bytes)],
    ["file URL", false, async () => pathToFileURL(await file(`url ${name}`, bytes))],
    ["Readable", true, () => Readable.from(chunks(bytes))],
    ["byte Readable", true, () => Readable.from(chunks(bytes), { objectMode: false })],
    ["file stream", true, async () => createReadStream(await file(`stream-${name}`, bytes))],
    ["web stream", true, () => new Blob([bytes]).stream()],
    ["async iterable", true, () => chunks(bytes)],
  ]

  it.each(forms)("as %s", async (form, once, make) => {
    const opened = await openInput(await make())
    const { source } = opened
    const wanted = form === "shared memory" ? Buffer.alloc(bytes.length) : bytes
    expect(source.once ?? false).toBe(once)
    expect(source.size).toBe(once ? undefined : wanted.length)
    expect((await buffer(source.read())).equals(wanted)).toBe(true)
    if (!once) {
      expect((await buffer(source.read())).equals(wanted)).toBe(true)
      const range = { start: 3, end: Math.max(3, wanted.length - 2) }
      expect((await buffer(source.read(range))).equals(wanted.subarray(3, range.end))).toBe(true)
    } else {
      await expect(buffer(source.read())).rejects.toMatchObject({ code: "INTERNAL" })
    }
    await opened.verify()
    await opened.close()
    await opened.close()
  })
})

describe("what an input tells of itself", () => {
  it("a path: name, time, mode; bytes where small, a path where large", async () => {
    const path = await file("told.txt", SMALL)
    await utimes(path, 1_000_000, 1_234_567.5)
    await chmod(path, 0o640)
    const small = await openInput(path)
    expect(small).toMatchObject({ name: "told.txt", modified: 1_234_567_500, mode: 0o640, mimeType: null })
    expect(Buffer.from(small.source.bytes!)).toEqual(SMALL)
    const large = await openInput(await file("large.bin", LARGE))
    expect(large.source).toMatchObject({ path: join(directory, "large.bin"), size: LARGE.length })
    expect(large.source.bytes).toBeUndefined()
  })

  it("a File: name, time, type", async () => {
    const input = new File([SMALL], "photo.png", { type: "image/png", lastModified: 5 })
    expect(await openInput(input)).toMatchObject({ name: "photo.png", modified: 5, mode: null, mimeType: "image/png" })
  })

  it("a link: the file it leads to", async () => {
    const path = await file("target", SMALL)
    await symlink(path, join(directory, "link"))
    expect((await openInput(join(directory, "link"))).source.size).toBe(SMALL.length)
  })

  it("bytes are not copied", async () => {
    expect((await openInput(SMALL)).source.bytes).toBe(SMALL)
  })
})

describe("refused with a sentence", () => {
  it.each<[string, unknown, RegExp]>([
    ["a number", 5, /^5 cannot be put.*Buffer/],
    ["null", null, /^null cannot be put/],
    ["undefined", undefined, /^undefined cannot be put/],
    ["a plain object", { a: 1 }, /cannot be put/],
    ["an array", [SMALL], /cannot be put/],
    ["a promise", Promise.resolve(SMALL), /await it first/],
    ["a function", () => SMALL, /function cannot be put/],
    ["a float array", new Float32Array(2), /cannot be put/],
    ["an empty path", "", /empty/],
    ["a path with NUL", "a\0b", /NUL/],
    ["a web address", new URL("https://example.org/a"), /fetch it/],
    ["a file of another host", new URL("file://elsewhere/a"), /this host/],
    ["a path that is too long", "x".repeat(5000), /longer/],
    ["a device", "/dev/null", /device/],
  ])("%s", async (_, input, sentence) => {
    const error = await refusal(input)
    expect(error.code).toBe("INVALID_INPUT")
    expect(error.message).toMatch(sentence)
  })

  it("a missing path, one through a file, a link to nothing, a circle of links", async () => {
    const path = await file("plain", SMALL)
    await symlink(join(directory, "nowhere"), join(directory, "dangling"))
    await symlink(join(directory, "circle"), join(directory, "circle"))
    for (const missing of [join(directory, "none"), join(path, "below"), join(directory, "dangling")]) {
      const error = await refusal(missing)
      expect(error.code).toBe("INVALID_INPUT")
      expect(error.message).toMatch(/does not exist/)
      expect(error.cause).toBeInstanceOf(Error)
    }
    expect((await refusal(join(directory, "circle"))).message).toMatch(/circle/)
  })

  it("a directory, a fifo and a socket, without waiting", async () => {
    await mkdir(join(directory, "folder"))
    expect((await refusal(join(directory, "folder"))).message).toMatch(/directory/)
    execFileSync("mkfifo", [join(directory, "fifo")])
    expect((await refusal(join(directory, "fifo"))).message).toMatch(/fifo/)
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(directory, "socket"), resolve))
    expect((await refusal(join(directory, "socket"))).message).toMatch(/socket/)
    await new Promise((resolve) => server.close(resolve))
  })

  it("detached bytes", async () => {
    const bytes = new Uint8Array([1, 2, 3])
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect((await refusal(bytes)).message).toMatch(/detached/)
    expect((await refusal(bytes.buffer)).message).toMatch(/detached/)
  })

  it("streams that are consumed, destroyed, failed, ended, locked or cannot be read", async () => {
    const read = Readable.from([SMALL])
    await buffer(read)
    const destroyed = new PassThrough().destroy()
    const errored = new PassThrough().on("error", () => {})
    errored.destroy(new Error("before"))
    const halfRead = Readable.from([SMALL, SMALL])
    await halfRead[Symbol.asyncIterator]().next()
    const locked = new Blob([SMALL]).stream()
    locked.getReader()
    const webRead = new Blob([SMALL]).stream()
    const reader = webRead.getReader()
    await reader.read()
    reader.releaseLock()
    const streams = { read, destroyed, errored, halfRead, locked, webRead, writable: new Writable() }
    for (const [name, stream] of Object.entries(streams)) {
      expect((await refusal(stream)).code, name).toBe("INVALID_INPUT")
    }
  })

  it("a declared size that cannot be, or is not the source's", async () => {
    await expect(openInput(SMALL, { size: -1 })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    await expect(openInput(SMALL, { size: 1.5 })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    await expect(openInput(SMALL, { size: 1 })).rejects.toMatchObject({
      code: "SIZE_MISMATCH",
      details: { declared: 1, actual: SMALL.length },
    })
    const stream = await openInput(Readable.from([SMALL]), { size: 7 })
    expect(stream.source.size).toBe(7)
    await stream.close()
  })
})

describe("files that change", () => {
  it("a large one: found out by verify", async () => {
    const path = await file("growing", LARGE)
    const opened = await openInput(path)
    await appendFile(path, "more")
    await expect(opened.verify()).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
  })

  it("a large one, replaced by another of the same size and time", async () => {
    const path = await file("replaced", LARGE)
    await utimes(path, 1000, 1000)
    const opened = await openInput(path)
    const other = await file("replacement", LARGE.subarray().fill(0, 0, 1))
    await utimes(other, 1000, 1000)
    await rename(other, path)
    await expect(opened.verify()).rejects.toMatchObject({ code: "SOURCE_FAILED" })
    await rm(path)
    await expect(opened.verify()).rejects.toMatchObject({ code: "SOURCE_FAILED" })
  })

  it("one that does not have the size it says", async () => {
    await expect(openInput("/proc/self/status")).rejects.toMatchObject({ code: "SOURCE_FAILED" })
  })
})

it("closes the files it opens", async () => {
  const path = await file("many", SMALL)
  // Only those of this file: the process opens and closes others as it likes.
  const open = (): number =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path
      } catch {
        // That of the listing itself is gone by now.
        return false
      }
    }).length
  for (let round = 0; round < 50; round += 1) await openInput(path)
  expect(open()).toBe(0)
  const held = openSync(path, "r")
  expect(open()).toBe(1)
  closeSync(held)
})
