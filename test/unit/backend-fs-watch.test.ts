/** The fs driver's hints of change: what they say, what they leave out, when they end. */
import { appendFile, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { WatchEventType } from "../../src/backends/backend.ts"
import { errorOf, text } from "../contract/backend/harness.ts"
import { type OpenBackend, openBackend } from "./backend-fs-root.ts"

interface Hints extends OpenBackend {
  seen: string[]
  /** resolves once that hint came */
  hint(type: WatchEventType, key: string): Promise<void>
  controller: AbortController
}

async function watched(): Promise<Hints> {
  const opened = await openBackend()
  const seen: string[] = []
  const waiting = new Map<string, () => void>()
  const controller = new AbortController()
  const note = (hint: string): void => {
    seen.push(hint)
    waiting.get(hint)?.()
  }
  await writeFile(join(opened.root, "before"), "x")
  await opened.backend.watch(({ type, key }) => note(`${type} ${key}`), { signal: controller.signal })
  const hint = (type: WatchEventType, key: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (seen.includes(`${type} ${key}`)) resolve()
    waiting.set(`${type} ${key}`, resolve)
    return promise
  }
  return { ...opened, seen, hint, controller }
}

it("tells of files that come, change and go, by their keys", async () => {
  const { root, seen, hint } = await watched()
  await mkdir(join(root, "dir", "sub"), { recursive: true })
  await writeFile(join(root, "dir", "sub", "é file.txt"), "one")
  await hint("add", "dir/sub/é file.txt")
  await appendFile(join(root, "dir", "sub", "é file.txt"), "two")
  await hint("mod", "dir/sub/é file.txt")
  await rename(join(root, "dir", "sub", "é file.txt"), join(root, "moved"))
  await hint("add", "moved")
  await hint("del", "dir/sub/é file.txt")
  await rm(join(root, "before"))
  await hint("del", "before")
  expect(seen).not.toContain("add before")
})

it("tells of names that look like leftovers of editors", async () => {
  const { root, hint } = await watched()
  for (const name of ["notes.txt~", ".x.swp"]) {
    await writeFile(join(root, name), "x")
    await hint("add", name)
  }
})

it("tells of our own puts and deletes, and nothing of their temporary files", async () => {
  const { backend, seen, hint } = await watched()
  await backend.put("dir/k", text("x"))
  await hint("add", "dir/k")
  await backend.put("dir/k", text("longer"))
  await hint("mod", "dir/k")
  await backend.delete("dir/k")
  await hint("del", "dir/k")
  expect(seen.filter((each) => each.includes(".stored-tmp"))).toEqual([])
})

it("passes over links and what is no key, and says so", async () => {
  const { root, seen, hint, skipped } = await watched()
  await symlink("/etc", join(root, "link"))
  await writeFile(join(root, "two\nlines"), "x")
  await writeFile(join(root, "last"), "x")
  await hint("add", "last")
  await expect.poll(() => skipped.length).toBeGreaterThanOrEqual(2)
  expect(seen).toEqual(["add last"])
  expect(skipped).toEqual(
    expect.arrayContaining([
      { name: "link", reason: "symlink" },
      { name: "two\nlines", reason: "invalid-name" },
    ]),
  )
})

it("ends with its signal", async () => {
  const { backend, root, seen, controller } = await watched()
  controller.abort()
  const second = new AbortController()
  const { promise, resolve } = Promise.withResolvers<void>()
  await backend.watch(() => resolve(), { signal: second.signal })
  await writeFile(join(root, "later"), "x")
  await promise
  expect(seen).not.toContain("add later")
  second.abort()
})

it("does not begin where the signal has fired", async () => {
  const { backend } = await openBackend()
  await errorOf(
    backend.watch(() => {}, { signal: AbortSignal.abort() }),
    "ABORTED",
  )
})

it("cannot begin on a closed backend", async () => {
  const { backend } = await openBackend()
  await backend.close()
  await errorOf(
    backend.watch(() => {}, { signal: new AbortController().signal }),
    "CLOSED",
  )
})
