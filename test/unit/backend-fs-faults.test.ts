/**
 * The fs driver on real file systems that fail: full, out of inodes, read-only, forbidden, gone. These tests mount file systems and set
 * attributes; `host-needs.ts` says what becomes of them where that cannot be done.
 */
import { chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { bytes, contentOf, errorOf, keysOf, pattern, streamed, text } from "../contract/backend/harness.ts"
import { requireHost } from "../host-needs.ts"
import { run } from "../programs.ts"
import { after, mountTmpfs, openBackend, temporaryDirectory } from "./backend-fs-root.ts"

describe("a full disk", () => {
  it("is BACKEND_FULL, keeps the old content, leaves no litter, and still reads and deletes", async (context) => {
    const { backend, root } = await openBackend({ root: await mountTmpfs(context, "size=1m") })
    await backend.put("k", text("old"))
    for (const source of [
      bytes(pattern(2_000_000)),
      streamed(pattern(2_000_000)),
      streamed(pattern(2_000_000), 2_000_000),
    ]) {
      const error = await errorOf(backend.put("k", source), "BACKEND_FULL")
      expect(error.retryable).toBe(false)
      expect(error.details).toEqual({ system: "ENOSPC" })
      expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
      expect(await contentOf(backend, "k")).toBe("old")
    }
    await backend.put("filler", bytes(pattern(900_000)))
    await errorOf(backend.put("more", bytes(pattern(200_000))), "BACKEND_FULL")
    await backend.delete("filler")
    await backend.put("more", bytes(pattern(200_000)))
    expect(await keysOf(backend)).toEqual(["k", "more"])
  })

  it("is the same without inodes", async (context) => {
    const { backend, root } = await openBackend({ root: await mountTmpfs(context, "size=1m,nr_inodes=8") })
    const full = async (): Promise<number> => {
      for (let count = 0; ; count += 1) {
        try {
          await backend.put(`dir${count}/file`, text("x"))
        } catch (error) {
          expect(error).toMatchObject({ code: "BACKEND_FULL", retryable: false })
          return count
        }
      }
    }
    const count = await full()
    expect(count).toBeGreaterThan(0)
    expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
    expect(await keysOf(backend)).toHaveLength(count)
    await backend.delete("dir0/file")
    await backend.put("other/file", text("x"))
  })
})

describe("a read-only file system", () => {
  it("is READ_ONLY for changes, goes on reading, and takes puts again later", async (context) => {
    const root = await mountTmpfs(context, "size=1m")
    const { backend } = await openBackend({ root })
    await backend.put("k", text("old"))
    await run("mount", ["-o", "remount,ro", root])
    for (const change of [
      () => backend.put("k", text("new")),
      () => backend.put("dir/new", text("new")),
      () => backend.delete("k"),
    ]) {
      expect((await errorOf(change(), "READ_ONLY")).retryable).toBe(false)
    }
    expect(await contentOf(backend, "k")).toBe("old")
    await backend.close()
    await backend.open()
    expect(await keysOf(backend)).toEqual(["k"])
    await errorOf(backend.put("k", text("new")), "READ_ONLY")
    await run("mount", ["-o", "remount,rw", root])
    await backend.put("k", text("new"))
    expect(await contentOf(backend, "k")).toBe("new")
  })
})

describe("what is forbidden", () => {
  it("is PERMISSION_DENIED", async (context) => {
    await requireHost(context, "attributes")
    const { backend, root } = await openBackend()
    await backend.put("dir/k", text("old"))
    // Root passes by permission bits, but not by the immutable attribute.
    await run("chattr", ["+i", join(root, "dir")])
    after(() => run("chattr", ["-i", join(root, "dir")]))
    for (const change of [
      () => backend.put("dir/k", text("new")),
      () => backend.put("dir/new", text("x")),
      () => backend.delete("dir/k"),
    ]) {
      expect((await errorOf(change(), "PERMISSION_DENIED")).retryable).toBe(false)
    }
    expect(await contentOf(backend, "dir/k")).toBe("old")
    expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
  })
})

describe("another file system inside the root", () => {
  it("is refused for puts, with a sentence", async (context) => {
    await requireHost(context, "mount")
    const { backend, root } = await openBackend()
    await mkdir(join(root, "mounted"))
    await run("mount", ["-t", "tmpfs", "tmpfs", join(root, "mounted")])
    after(() => run("umount", ["-l", join(root, "mounted")]))
    const error = await errorOf(backend.put("mounted/k", text("x")), "BACKEND_REFUSED")
    expect(error.message).toContain("another file system")
    expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
  })
})

describe("the root", () => {
  it("is made where it is missing, with everything above it", async () => {
    const root = join(await temporaryDirectory(), "not", "yet", "there")
    const { backend } = await openBackend({ root })
    await backend.put("k", text("x"))
    expect(await contentOf(backend, "k")).toBe("x")
  })

  it("must be a directory", async () => {
    const file = join(await temporaryDirectory(), "file")
    await writeFile(file, "x")
    await errorOf(openBackend({ root: file }), "INVALID_CONFIG")
    await errorOf(openBackend({ root: join(file, "below") }), "INVALID_CONFIG")
  })

  it("may be reached over a symbolic link, and be a relative path", async () => {
    const { backend, root } = await openBackend()
    await backend.put("dir/k", text("x"))
    await run("ln", ["-s", root, `${root}-link`])
    const linked = await openBackend({ root: `${root}-link` })
    expect(await contentOf(linked.backend, "dir/k")).toBe("x")
  })

  it("that goes away is BACKEND_UNAVAILABLE and worth another try, and is used again when it is back", async () => {
    const { backend, root } = await openBackend()
    await backend.put("dir/k", text("x"))
    await rename(root, `${root}-away`)
    for (const call of [
      () => backend.put("dir/new", text("y")),
      () => backend.put("new", text("y")),
      () => backend.get("dir/k"),
      () => backend.stat("dir/k"),
      () => backend.delete("dir/k"),
      () => keysOf(backend),
    ]) {
      expect((await errorOf(call(), "BACKEND_UNAVAILABLE")).retryable).toBe(true)
    }
    await rename(`${root}-away`, root)
    expect(await contentOf(backend, "dir/k")).toBe("x")
    await backend.put("dir/new", text("y"))
  })

  it("whose disk was unmounted is not written, and is used again when it is back", async (context) => {
    const disk = await mountTmpfs(context, "size=1m")
    const kept = await temporaryDirectory()
    await run("mount", ["--bind", disk, kept])
    after(() => run("umount", ["-l", kept]))
    const { backend } = await openBackend({ root: disk })
    await backend.put("dir/k", text("x"))
    await run("umount", ["-l", disk])
    const error = await errorOf(backend.put("dir/k", text("lost")), "BACKEND_UNAVAILABLE")
    expect(error.retryable).toBe(true)
    await errorOf(backend.stat("dir/k"), "BACKEND_UNAVAILABLE")
    await errorOf(keysOf(backend), "BACKEND_UNAVAILABLE")
    expect(await readdir(disk)).toEqual([])
    await run("mount", ["--bind", kept, disk])
    expect(await contentOf(backend, "dir/k")).toBe("x")
  })

  it("that is another directory now, but holds our own, is taken for the same disk", async () => {
    const { backend, root } = await openBackend()
    await backend.put("k", text("x"))
    await run("cp", ["-a", root, `${root}-copy`])
    await rm(root, { recursive: true })
    await rename(`${root}-copy`, root)
    expect(await contentOf(backend, "k")).toBe("x")
  })
})

describe("permission bits", () => {
  it("never make a file more than it is given, and special bits are left out", async () => {
    const { backend, root } = await openBackend()
    await backend.put("k", text("x"), { mode: 0o6755 })
    expect((await run("stat", ["-c", "%a", join(root, "k")])).stdout.trim()).toBe("755")
    await chmod(join(root, "k"), 0o000)
    await backend.put("k", text("y"), { mode: 0o640 })
    expect((await run("stat", ["-c", "%a", join(root, "k")])).stdout.trim()).toBe("640")
  })
})
