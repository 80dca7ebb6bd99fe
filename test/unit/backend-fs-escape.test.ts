/** The fs driver never leaves its root: symbolic links of every kind, also ones that appear in the middle of an operation, and odd files. */
import { lstat, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { contentOf, errorOf, keysOf, stalling, text } from "../contract/backend/harness.ts"
import { requireHost } from "../host-needs.ts"
import { run } from "../programs.ts"
import { after, type OpenBackend, openBackend, temporaryDirectory } from "./backend-fs-root.ts"

async function withOutside(): Promise<OpenBackend & { outside: string; untouched(): Promise<void> }> {
  const opened = await openBackend()
  const outside = await temporaryDirectory()
  await writeFile(join(outside, "canary"), "secret")
  const untouched = async () => {
    expect(await readdir(outside)).toEqual(["canary"])
    expect(await readFile(join(outside, "canary"), "utf8")).toBe("secret")
  }
  return { ...opened, outside, untouched }
}

async function refusesAll({ backend }: OpenBackend, key: string): Promise<void> {
  await errorOf(backend.put(key, text("x")), "BACKEND_REFUSED")
  await errorOf(backend.get(key), "BACKEND_REFUSED")
  await errorOf(backend.stat(key), "BACKEND_REFUSED")
  await errorOf(backend.checksum(key, "sha256"), "BACKEND_REFUSED")
  await errorOf(backend.delete(key), "BACKEND_REFUSED")
}

describe("symbolic links", () => {
  it.each(["link/canary", "link/new", "link/new/deeper"])("refuses %j behind a directory that is one", async (key) => {
    const opened = await withOutside()
    await symlink(opened.outside, join(opened.root, "link"))
    await refusesAll(opened, key)
    await opened.untouched()
  })

  it("refuses one that leads to a directory inside the root", async () => {
    const opened = await withOutside()
    await opened.backend.put("real/file", text("x"))
    await symlink("real", join(opened.root, "link"))
    await refusesAll(opened, "link/file")
    expect(await contentOf(opened.backend, "real/file")).toBe("x")
  })

  it("refuses one that is the file, and leaves it", async () => {
    const opened = await withOutside()
    await symlink(join(opened.outside, "canary"), join(opened.root, "file"))
    await symlink("nowhere", join(opened.root, "dangling"))
    await symlink("loop", join(opened.root, "loop"))
    for (const key of ["file", "dangling", "loop"]) {
      await refusesAll(opened, key)
      expect((await lstat(join(opened.root, key))).isSymbolicLink()).toBe(true)
    }
    await refusesAll(opened, "loop/below")
    await opened.untouched()
  })

  it("lists none and says so", async () => {
    const { backend, root, outside, skipped } = await withOutside()
    await backend.put("a/file", text("x"))
    await symlink(outside, join(root, "a", "dir"))
    await symlink("..", join(root, "a", "up"))
    await symlink(join(outside, "canary"), join(root, "canary"))
    expect(await keysOf(backend)).toEqual(["a/file"])
    expect(await keysOf(backend, { prefix: "a/dir/" })).toEqual([])
    expect(skipped.map(({ name, reason }) => `${reason} ${name}`)).toEqual(
      expect.arrayContaining(["symlink a/dir", "symlink a/up", "symlink canary"]),
    )
  })

  it("sees a directory that was swapped for one after it was used", async () => {
    const opened = await withOutside()
    await opened.backend.put("dir/file", text("x"))
    await rename(join(opened.root, "dir"), join(opened.root, "moved"))
    await symlink(opened.outside, join(opened.root, "dir"))
    await refusesAll(opened, "dir/file")
    await refusesAll(opened, "dir/canary")
    await opened.untouched()
    expect(await contentOf(opened.backend, "moved/file")).toBe("x")
  })

  it("sees one that comes while the source is still being read", async () => {
    const { backend, root, outside, untouched } = await withOutside()
    await backend.put("dir/file", text("x"))
    const { source, reached } = stalling(Buffer.alloc(100_000))
    const stream = source.read()
    const running = errorOf(backend.put("dir/new", { read: () => stream }), "BACKEND_REFUSED")
    await reached
    await rm(join(root, "dir"), { recursive: true })
    await symlink(outside, join(root, "dir"))
    stream.push(null)
    await running
    await untouched()
    expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
  })

  it("does not write through its own directory where that is one", async () => {
    const { backend, root, outside, untouched } = await withOutside()
    await rm(join(root, ".stored-tmp"), { recursive: true })
    await symlink(outside, join(root, ".stored-tmp"))
    await errorOf(backend.put("k", text("x")), "BACKEND_REFUSED")
    await untouched()
  })

  it("survives a loop of swaps during puts, reads and deletes", async () => {
    const { backend, root, outside, untouched } = await withOutside()
    const [dir, aside, link] = [join(root, "dir"), join(root, "aside"), join(root, "link")]
    await mkdir(dir)
    await symlink(outside, link)
    let swapping = true
    const swapper = async (): Promise<number> => {
      let swaps = 0
      for (; swapping; swaps += 1) {
        // A put may have made the directory again where the real one stands aside.
        await rename(dir, aside).catch(() => {})
        await rename(link, dir).catch(() => {})
        await rename(dir, link).catch(() => {})
        await rename(aside, dir).catch(() => {})
      }
      return swaps
    }
    const swaps = swapper()
    const outcomes = { done: 0, failed: 0 }
    for (let round = 0; round < 300; round += 1) {
      const results = await Promise.allSettled([
        backend.put("dir/canary", text("overwritten")),
        backend.put(`dir/${round}`, text("leaked")),
        backend.delete("dir/canary"),
        contentOf(backend, "dir/canary").then((content) => expect(content).not.toBe("secret")),
        backend.checksum("dir/canary", "md5"),
      ])
      for (const result of results) {
        outcomes[result.status === "fulfilled" ? "done" : "failed"] += 1
        if (result.status === "rejected") expect(result.reason).toHaveProperty("retryable")
      }
    }
    swapping = false
    expect(await swaps).toBeGreaterThan(100)
    expect(outcomes.done).toBeGreaterThan(100)
    await untouched()
  })
})

describe("what is no regular file", () => {
  it("is absent for reads, never replaced, never waited for, and not listed", async (context) => {
    await requireHost(context, "devices")
    const { backend, root, skipped } = await openBackend()
    await run("mkfifo", [join(root, "fifo")])
    await run("mknod", [join(root, "zero"), "c", "1", "5"])
    const server = createServer().listen(join(root, "socket"))
    after(() => new Promise((resolve) => server.close(resolve)))
    await new Promise((resolve) => server.once("listening", resolve))
    for (const key of ["fifo", "zero", "socket"]) {
      await errorOf(backend.get(key), "NOT_FOUND")
      expect(await backend.stat(key)).toBeNull()
      expect(await backend.checksum(key, "sha256")).toBeNull()
      await backend.delete(key)
      await errorOf(backend.put(key, text("x")), "BACKEND_REFUSED")
      expect((await lstat(join(root, key))).isFile()).toBe(false)
    }
    expect(await keysOf(backend)).toEqual([])
    expect(skipped).toEqual(
      expect.arrayContaining(["fifo", "zero", "socket"].map((name) => ({ name, reason: "not-a-file" }))),
    )
  })
})

describe("the driver's own directory", () => {
  it("is no part of the keys", async () => {
    const { backend, root } = await openBackend()
    for (const key of [".stored-tmp", ".stored-tmp/x", ".stored-tmp/x/y"]) {
      await errorOf(backend.put(key, text("x")), "BACKEND_REFUSED")
      await errorOf(backend.get(key), "BACKEND_REFUSED")
      await errorOf(backend.stat(key), "BACKEND_REFUSED")
      await errorOf(backend.delete(key), "BACKEND_REFUSED")
    }
    await writeFile(join(root, ".stored-tmp", "mine"), "x")
    expect(await keysOf(backend)).toEqual([])
    expect(await keysOf(backend, { prefix: ".stored-tmp/" })).toEqual([])
    expect(await keysOf(backend, { prefix: ".stored" })).toEqual([])
    await backend.put("deep/.stored-tmp/x", text("x"))
    await backend.put(".stored-tmp2", text("x"))
    expect(await keysOf(backend)).toEqual([".stored-tmp2", "deep/.stored-tmp/x"])
  })
})
