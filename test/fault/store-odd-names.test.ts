/** Row 41: odd names through the whole store and onto a file system: bytes are kept, what is distinct stays distinct, what cannot be is refused. */
import { readdir } from "node:fs/promises"
import { join, relative } from "node:path"
import { expect, test } from "vitest"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { bytesOf, codeOf, expectHealthy, keysOf } from "./store-harness.ts"

const ODD = [
  "a",
  "A",
  "ab",
  "a.b",
  "a b",
  " leading and trailing ",
  "café", // NFC
  "cafe\u0301", // NFD
  "Å",
  "\u212b", // the Ångström sign, which NFC would turn into the letter
  "-rf",
  "--",
  "~",
  "~root",
  "*",
  "?.txt",
  "[a-z]",
  "%2e%2e%2fetc",
  "%",
  "100%",
  "quote'double\"back`",
  "back\\slash",
  "..\\..\\windows",
  "con",
  "nul.txt",
  "trailing.",
  "...",
  "..a",
  ".hidden",
  ".git/config",
  "dir/.stored-tmp",
  "emoji-👩‍👩‍👧‍👦/🏳️‍🌈",
  "\u202egpj.exe",
  "zero\u200bwidth",
  "line\u2028separator",
  "\uffff",
  "\u{10ffff}",
  "$(touch canary);`touch canary`|&",
  "日本語/文件",
  "constructor",
  "__proto__",
  "hasOwnProperty/toString",
  "n".repeat(255),
  "é".repeat(127),
  `${"d".repeat(255)}/${"e".repeat(255)}/${"f".repeat(255)}/${"g".repeat(255)}`,
  Array.from({ length: 400 }, () => "x").join("/"),
  "sha256:not-a-digest",
  "C:/windows",
  "file:/etc/passwd",
]

const REFUSED = [
  "",
  "/a",
  "a/",
  "a//b",
  "./a",
  "a/../b",
  "..",
  "a\u0000b",
  "a\nb",
  "a\u0085b",
  "\ud800",
  "k".repeat(1025),
  `sha256:${"0".repeat(64)}`,
]

test("odd keys: put, proven on a file system and in memory, listed in the order of their bytes, read back, deleted", async () => {
  const directory = await temporaryDirectory()
  const root = join(directory, "root")
  const opened = await openTestStore({
    data: join(directory, "data"),
    backends: { disk: { driver: "fs", root }, memory: { driver: "memory" } },
  })
  const { store } = opened
  const contents = new Map(ODD.map((key, index) => [key, bytesOf(index, 100 + index)]))
  await Promise.all([...contents].map(([key, content]) => store.put(content, { key, metadata: { name: key } })))
  for (const key of ODD) expect((await store.synced(key)).locationCount, key).toBe(2)
  const inOrder = ODD.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  expect(await keysOf(store)).toEqual(inOrder)

  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
  expect(new Set(files)).toEqual(new Set(ODD))
  await store.cache.clear()
  for (const [key, content] of contents) {
    expect((await store.stat(key))?.custom, key).toEqual({ name: key })
    for (const backend of ["disk", "memory"]) expect(await store.get(key, { backend }), key).toEqual(content)
  }
  await expectHealthy(opened)
  for (const key of ODD) await store.delete(key, { wait: 0 })
  await store.idle()
  expect(await keysOf(store)).toEqual([])
  const left = await readdir(root, { recursive: true, withFileTypes: true })
  expect(left.filter((entry) => entry.isFile())).toEqual([])
  await expectHealthy(opened)
})

test.each(REFUSED.map((key) => [JSON.stringify(key).slice(0, 40), key]))(
  "the key %s is refused everywhere",
  async (_name, key) => {
    const opened = await openTestStore()
    const { store } = opened
    const { lastSequence } = store.status()
    expect(await codeOf(store.put(bytesOf(1, 10), { key }))).toBe("INVALID_KEY")
    expect(await codeOf(store.get(key))).toMatch(/^(INVALID_KEY|NOT_FOUND)$/)
    expect(await codeOf(store.delete(key))).toMatch(/^(INVALID_KEY|NOT_FOUND)$/)
    expect(store.status()).toMatchObject({ objects: 0, lastSequence })
    await expectHealthy(opened)
  },
)

test("`a` and `a/b`: both are stored; a backend that cannot hold both parks one, says so, and takes it up once it can", async () => {
  const directory = await temporaryDirectory()
  const opened = await openTestStore({
    data: join(directory, "data"),
    backends: { disk: { driver: "fs", root: join(directory, "root") }, memory: { driver: "memory" } },
  })
  const { store } = opened
  await store.put(bytesOf(1, 10), { key: "a", durability: "all" })
  const alarm = new Promise((resolve) => void store.on("sync:error", resolve))
  await store.put(bytesOf(2, 10), { key: "a/b" })
  expect(await alarm).toMatchObject({ key: "a/b", backend: "disk", error: { code: "BACKEND_REFUSED" } })
  await store.synced("a/b", { backends: ["memory"] })
  expect(await store.get("a/b")).toEqual(bytesOf(2, 10))
  expect(await codeOf(store.synced("a/b"))).toBe("BACKEND_REFUSED")
  await store.delete("a")
  await store.retry()
  await store.synced("a/b")
  await expectHealthy(opened)
})
