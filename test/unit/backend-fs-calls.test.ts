/** Which system calls deletes and reads of the fs driver make, and what they do when one fails. */
import { readdirSync, truncateSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { contentOf, errorOf, keysOf, text } from "../contract/backend/harness.ts"
import { openBackend } from "./backend-fs-root.ts"
import { failOnce, spy, systemError } from "./backend-fs-spy.ts"

vi.mock("../../src/backends/fs/calls.ts", async (original) =>
  (await import("./backend-fs-spy.ts")).spied(await original()),
)

describe("a delete", () => {
  it("makes the removal durable and removes the directories it leaves empty", async () => {
    const { backend, root } = await openBackend()
    await backend.put("a/b/c/one", text("x"))
    await backend.put("a/two", text("x"))
    spy.noted = []
    await backend.delete("a/b/c/one")
    expect(spy.noted.indexOf("fsync c")).toBeGreaterThan(spy.noted.indexOf("unlink one"))
    expect(readdirSync(join(root, "a"))).toEqual(["two"])
    await backend.delete("a/two")
    expect(readdirSync(root)).toEqual([".stored-tmp"])
  })

  it("makes durable what an earlier one may have left undone", async () => {
    const { backend } = await openBackend()
    await backend.put("dir/stays", text("x"))
    spy.noted = []
    await backend.delete("dir/gone")
    expect(spy.noted).toContain("fsync dir")
  })

  it("leaves the directory to a put that is about to use it", async () => {
    const { backend } = await openBackend()
    await backend.put("dir/old", text("x"))
    const { promise: renaming, resolve } = Promise.withResolvers<void>()
    spy.before = (name) => {
      if (name === "rename") resolve()
    }
    const put = backend.put("dir/new", text("x"))
    await renaming
    await Promise.all([put, backend.delete("dir/old")])
    expect(await keysOf(backend)).toEqual(["dir/new"])
  })
})

describe("a small file's checksum", () => {
  it("takes three calls", async () => {
    const { backend } = await openBackend()
    await backend.put("dir/k", text("x"))
    spy.noted = []
    await backend.checksum("dir/k", "sha256")
    expect(spy.noted).toEqual(["open k", "read k", "close k"])
  })
})

describe("reads", () => {
  it.each([
    ["EIO", "BACKEND_UNAVAILABLE", true],
    ["EACCES", "PERMISSION_DENIED", false],
  ] as const)("tell of %s", async (code, ours, retryable) => {
    const { backend } = await openBackend()
    await backend.put("dir/k", text("x"))
    const calls: [string, () => Promise<unknown>][] = [
      ["open", () => backend.get("dir/k")],
      ["lstat", () => backend.stat("dir/k")],
      ["read", () => backend.checksum("dir/k", "sha256")],
      ["read", () => contentOf(backend, "dir/k")],
    ]
    for (const [name, call] of calls) {
      failOnce(name, /./, code)
      expect((await errorOf(call(), ours)).retryable).toBe(retryable)
    }
    expect(await contentOf(backend, "dir/k")).toBe("x")
  })

  it("break where the file becomes shorter meanwhile, and never end early", async () => {
    const { backend, root } = await openBackend()
    await backend.put("k", text("x".repeat(1_000_000)))
    const stream = await backend.get("k")
    truncateSync(join(root, "k"), 300_000)
    await errorOf(stream.toArray(), "BACKEND_UNAVAILABLE")
  })

  it("pass over files that may not be looked at in a list, and say so", async () => {
    const { backend, skipped } = await openBackend()
    for (const key of ["a", "b", "c"]) await backend.put(key, text("x"))
    spy.before = (name, target) => {
      if (name === "lstat" && target.endsWith("/b")) throw systemError("EACCES")
    }
    expect(await keysOf(backend)).toEqual(["a", "c"])
    expect(skipped).toEqual([{ name: "b", reason: "unreadable" }])
  })
})
