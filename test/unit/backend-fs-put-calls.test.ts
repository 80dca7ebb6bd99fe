/** Which system calls a put of the fs driver makes, in which order, and what it does when one fails. */
import { readdirSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { contentOf, errorOf, streamed, text } from "../contract/backend/harness.ts"
import { openBackend } from "./backend-fs-root.ts"
import { failOnce, spy } from "./backend-fs-spy.ts"

vi.mock("../../src/backends/fs/calls.ts", async (original) =>
  (await import("./backend-fs-spy.ts")).spied(await original()),
)

describe("a put", () => {
  it("makes the file durable, then renames it, then makes its entry durable", async () => {
    const { backend } = await openBackend()
    await backend.put("dir/warm", text("x"))
    spy.noted = []
    await backend.put("dir/file", text("x"))
    expect(spy.noted).toEqual([
      "open TEMP",
      "write TEMP",
      "fsync TEMP",
      "close TEMP",
      "lstat file",
      "rename TEMP",
      "fsync dir",
    ])
  })

  it("makes every new directory's entry durable before it answers", async () => {
    const { backend, root } = await openBackend()
    await backend.put("a/b/c/file", text("x"))
    const renamed = spy.noted.indexOf("rename TEMP")
    const synced = spy.noted.filter((call, index) => index > renamed && call.startsWith("fsync"))
    expect(synced.sort()).toEqual(["fsync a", "fsync b", "fsync c", `fsync ${basename(root)}`])
  })

  it("makes directories that were there before the start durable once", async () => {
    const { backend, root } = await openBackend()
    await backend.put("a/file", text("x"))
    await backend.close()
    await backend.open()
    spy.noted = []
    await backend.put("a/other", text("x"))
    expect(spy.noted.filter((call) => call.startsWith("fsync"))).toContain(`fsync ${basename(root)}`)
    spy.noted = []
    await backend.put("a/third", text("x"))
    expect(spy.noted.filter((call) => call.startsWith("fsync"))).toEqual(["fsync TEMP", "fsync a"])
  })

  it("syncs one directory for many", async () => {
    const { backend } = await openBackend()
    await backend.put("dir/warm", text("x"))
    spy.noted = []
    await Promise.all(Array.from({ length: 40 }, (_, index) => backend.put(`dir/${index}`, text("x"))))
    const synced = spy.noted.filter((call) => call === "fsync dir").length
    expect(synced).toBeGreaterThan(0)
    expect(synced).toBeLessThan(30)
  })

  it("syncs nothing where it need not be durable", async () => {
    const { backend } = await openBackend({ durable: false })
    await backend.put("a/b/file", text("x"))
    await backend.delete("a/b/file")
    expect(spy.noted.filter((call) => call.startsWith("fsync"))).toEqual([])
  })

  it("sets time and mode only where asked, and the mode by a call only where the mask is in the way", async () => {
    const { backend } = await openBackend()
    const extra = () => spy.noted.splice(0).filter((call) => /^(fchmod|futimes)/.test(call))
    await backend.put("k", text("x"))
    expect(extra()).toEqual([])
    await backend.put("k", text("x"), { mode: 0o600, modified: 1_000 })
    expect(extra()).toEqual(["futimes TEMP"])
    await backend.put("k", text("x"), { mode: 0o777 })
    expect(extra()).toEqual(process.umask() === 0 ? [] : ["fchmod TEMP"])
  })

  const faults: [string, string, RegExp, string, boolean][] = [
    ["EIO", "fsync", /stored-tmp/, "BACKEND_UNAVAILABLE", true],
    ["EIO", "write", /stored-tmp/, "BACKEND_UNAVAILABLE", true],
    ["EMFILE", "open", /self\/fd/, "BACKEND_UNAVAILABLE", true],
    ["ESTALE", "rename", /self\/fd/, "BACKEND_UNAVAILABLE", true],
    ["EBUSY", "rename", /self\/fd/, "BACKEND_UNAVAILABLE", true],
    ["EDQUOT", "fsync", /stored-tmp/, "BACKEND_FULL", false],
    ["ENOSPC", "rename", /self\/fd/, "BACKEND_FULL", false],
    ["EROFS", "open", /self\/fd/, "READ_ONLY", false],
    ["EACCES", "rename", /self\/fd/, "PERMISSION_DENIED", false],
    ["EFBIG", "write", /stored-tmp/, "BACKEND_REFUSED", false],
  ]
  it.each(faults)(
    "that meets %s at %s keeps the old content and no litter",
    async (code, name, where, ours, retryable) => {
      const { backend, root } = await openBackend()
      await backend.put("dir/k", text("old"))
      failOnce(name, where, code)
      const error = await errorOf(backend.put("dir/k", streamed(Buffer.from("new"))), ours as "BACKEND_FULL")
      expect(error.retryable).toBe(retryable)
      expect(error.cause).toMatchObject({ code })
      expect(await contentOf(backend, "dir/k")).toBe("old")
      expect(readdirSync(join(root, ".stored-tmp"))).toEqual([])
      await backend.put("dir/k", text("new"))
      expect(await contentOf(backend, "dir/k")).toBe("new")
    },
  )

  it("whose directory cannot be made durable fails, and the next one tries that again", async () => {
    const { backend, root } = await openBackend()
    failOnce("fsync", new RegExp(`${basename(root)}$`), "EIO")
    await errorOf(backend.put("new/k", text("x")), "BACKEND_UNAVAILABLE")
    spy.noted = []
    await backend.put("new/k", text("x"))
    expect(spy.noted).toContain(`fsync ${basename(root)}`)
  })

  it.each([1, 5])("makes its directory again where others remove it %i times before the rename", async (times) => {
    const { backend, root } = await openBackend()
    let removed = 0
    spy.before = (name) => {
      if (name !== "rename" || removed === times) return
      removed += 1
      rmSync(join(root, "a"), { recursive: true })
    }
    await backend.put("a/b/k", text("x"))
    expect(removed).toBe(times)
    expect(await contentOf(backend, "a/b/k")).toBe("x")
  })

  it("makes its own directory again where others remove it", async () => {
    const { backend, root } = await openBackend()
    rmSync(join(root, ".stored-tmp"), { recursive: true })
    await backend.put("k", text("x"))
    expect(await contentOf(backend, "k")).toBe("x")
  })

  it("gives up, retryable, where its temporary file is removed", async () => {
    const { backend, root } = await openBackend()
    spy.before = (name, target) => {
      if (name === "rename") rmSync(join(root, ".stored-tmp", basename(target)))
    }
    expect((await errorOf(backend.put("k", text("x")), "BACKEND_UNAVAILABLE")).retryable).toBe(true)
  })
})
