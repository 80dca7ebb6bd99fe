/** What a folder holds that is no key: names that are not UTF-8, control characters, paths that are too long. Listed never, told always. */
import { closeSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { contentOf, keysOf, text } from "../contract/backend/harness.ts"
import { openBackend, temporaryDirectory } from "./backend-fs-root.ts"

function touch(directory: string, name: Buffer): void {
  closeSync(openSync(Buffer.concat([Buffer.from(`${directory}/`), name]), "w"))
}

it("passes over names that are no keys, each with its reason", async () => {
  const { backend, root, skipped } = await openBackend()
  await backend.put("dir/good", text("x"))
  touch(join(root, "dir"), Buffer.from([0x66, 0xff, 0x6f]))
  touch(join(root, "dir"), Buffer.from("two\nlines"))
  touch(join(root, "dir"), Buffer.from("bell\u0007é"))
  touch(join(root, "dir"), Buffer.from("c1\u0085"))
  touch(root, Buffer.from(`sha256:${"0".repeat(64)}`))
  mkdirSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xc3, 0x28])]))
  expect(await keysOf(backend)).toEqual(["dir/good"])
  expect(skipped.every(({ reason }) => reason === "invalid-name")).toBe(true)
  expect(skipped.map(({ name }) => name).sort()).toEqual([
    "%C3(",
    "dir/bell%07é",
    "dir/c1\u0085",
    "dir/f%FFo",
    "dir/two%0Alines",
    `sha256:${"0".repeat(64)}`,
  ])
})

it("passes over what lies deeper than a key can say", async () => {
  const { backend, root, skipped } = await openBackend()
  const deep = Array.from({ length: 5 }, () => "d".repeat(210)).join("/")
  mkdirSync(join(root, deep), { recursive: true })
  writeFileSync(join(root, deep, "file"), "x")
  await backend.put("near", text("x"))
  expect(await keysOf(backend)).toEqual(["near"])
  expect(skipped).toEqual([{ name: deep, reason: "invalid-name" }])
})

it("does not show empty directories, and indexes a folder that was there before", async () => {
  const root = await temporaryDirectory()
  mkdirSync(join(root, "empty", "er"), { recursive: true })
  mkdirSync(join(root, "photos"))
  writeFileSync(join(root, "photos", "one.jpg"), "jpeg")
  const { backend } = await openBackend({ root })
  expect(await keysOf(backend)).toEqual(["photos/one.jpg"])
  expect(await contentOf(backend, "photos/one.jpg")).toBe("jpeg")
  await backend.put("empty/er", text("a file where an empty directory was"))
  expect(await keysOf(backend)).toEqual(["empty/er", "photos/one.jpg"])
})

it("does not walk in circles", async () => {
  const { backend, root } = await openBackend()
  await backend.put("a/b/file", text("x"))
  symlinkSync("../..", join(root, "a", "b", "up"))
  symlinkSync(".", join(root, "self"))
  expect(await keysOf(backend)).toEqual(["a/b/file"])
})

it("gives back every directory it opened, also where a listing is left or fails", async () => {
  const { backend, root } = await openBackend()
  for (let index = 0; index < 400; index += 1) {
    mkdirSync(join(root, `dir${index}`, "sub"), { recursive: true })
    writeFileSync(join(root, `dir${index}`, "sub", "file"), "x")
  }
  const open = () => readdirSync("/proc/self/fd").length
  const before = open()
  expect(await keysOf(backend)).toHaveLength(400)
  for await (const _ of backend.list()) break
  await expect(keysOf(backend, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" })
  expect(open() - before).toBeLessThan(270)
  await backend.close()
  // Closing is handed to the system; the next turn of another file call comes after it.
  await backend.open()
  await backend.close()
  expect(open()).toBeLessThanOrEqual(before)
})
