/** Copies are chosen by a pattern of their keys at the backend (D19). */
import { expect, it } from "vitest"
import { memoryBackend, openTestStore } from "./open-store.ts"
import { validated } from "./validate-steps.ts"

async function openMemory() {
  const opened = await openTestStore({ backends: { m: { driver: "memory" } } })
  for (const key of ["2023/a.jpg", "2024/b.jpg", "2024/deep/c.jpg", "2024/d.txt"])
    await opened.store.put(Buffer.from(key), { key, durability: "all" })
  const read: string[] = []
  memoryBackend(opened, "m").intercept = async (operation, key) => void (operation === "get" && read.push(key))
  return { ...opened, read }
}

it("only those are read that match, and that is no read of every copy", async () => {
  const opened = await openMemory()
  const status = await validated(opened, "m", { pattern: "2024/**.jpg" })
  expect(opened.read.sort()).toEqual(["2024/b.jpg", "2024/deep/c.jpg"])
  expect(status).toMatchObject({ state: "done", pattern: "2024/**.jpg", copies: 2, good: 2, validAsOf: null })
  expect(status.plan).toMatchObject({ copies: 2, chosen: 2 })
  opened.read.length = 0
  expect(await validated(opened, "m", { pattern: "*/?.jpg", prefix: "2023/" })).toMatchObject({ copies: 1 })
  expect(opened.read).toEqual(["2023/a.jpg"])
  expect((await validated(opened, "m")).validAsOf).not.toBeNull()
})

it("what is no pattern, and one for what is staged, is refused; without a name staging is left out", async () => {
  const { store } = await openMemory()
  const refused = { code: "INVALID_INPUT", message: expect.any(String) }
  await expect(store.validate("m", { pattern: "x".repeat(2_000) })).rejects.toMatchObject(refused)
  await expect(store.validate("staging", { pattern: "**" })).rejects.toMatchObject(refused)
  expect((await store.validate(undefined, { pattern: "**" })).map(({ backend }) => backend)).toEqual(["m"])
})
