/**
 * Many objects in the catalog (row 42): they are indexed, listed from a cursor and compared again within bounded memory, and a folder `a` is never taken for its neighbour `ab`
 * (supabase#830). `STORED_MANY=10000000` is the long form.
 */
import { join } from "node:path"
import { expect, it } from "vitest"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { writeResting } from "../flow/resting-file.ts"
import { scanned } from "../flow/scan-steps.ts"
import { manyStep } from "./scan-many.ts"

const MANY = Number(process.env.STORED_MANY ?? 6_000)
const MOST = 512 * 2 ** 20

it("many objects are indexed, listed and compared again in bounded memory", { timeout: 60_000 + MANY }, async () => {
  const data = join(await temporaryDirectory(), "data")
  const index = await manyStep(data, MANY, "index")
  expect(index.told).toMatchObject({ state: "done", files: MANY - 1, added: MANY - 1 })
  const list = await manyStep(data, MANY, "list")
  expect(list.told).toEqual({
    ...{ all: MANY - 1, locations: MANY - 1, folder: MANY / 2 - 1, neighbours: 0 },
    pages: Math.ceil((MANY - 1) / 1_000) + 1,
  })
  const again = await manyStep(data, MANY, "reconcile")
  // The file that came, and those that have another state; the one that went.
  expect(again.told).toMatchObject({ state: "done", added: 1, changed: MANY / 100, missing: 1 })
  for (const { most } of [index, list, again]) expect(most).toBeLessThan(MOST)
  if (MANY > 6_000)
    for (const [step, { most, seconds }] of Object.entries({ index, list, again }))
      process.stdout.write(`${step} of ${MANY}: ${seconds} s, ${(most / 2 ** 20).toFixed(0)} MiB\n`)
})

it("a backend `a` is never taken for its neighbour `ab`, nor a folder", async () => {
  const folder = await temporaryDirectory()
  for (const below of ["a", "ab", "a-b"]) await writeResting(folder, `${below}/file`, `in ${below}`)
  const backend = (name: string) => ({ driver: "fs", root: join(folder, name), scan: { every: "off" } })
  const opened = await openTestStore({
    backends: { a: backend("a"), ab: backend("ab"), "a-b": backend("a-b") },
    defaultBackends: ["a"],
  })
  const { store, services } = opened
  for (const name of ["a", "ab", "a-b"]) await scanned(opened, name)
  for (const name of ["a", "ab", "a-b"])
    expect([...services.catalog.locations(name)].map(({ objectKey }) => objectKey)).toEqual([`${name}/file`])
  const keysOf = async (prefix: string): Promise<string[]> => {
    const keys = []
    for await (const { key } of store.list({ prefix })) keys.push(key)
    return keys
  }
  expect(await keysOf("a/")).toEqual(["a/file"])
  // A text, not a folder.
  expect(await keysOf("a")).toEqual(["a-b/file", "a/file", "ab/file"])
  await services.catalog.commitLooks("ab", ["file"])
  expect([...services.catalog.looks("a")]).toEqual([])
  await store.removeBackend("a", { force: true })
  expect(await store.stat("ab/file")).toMatchObject({ state: "ACTIVE", locationCount: 1 })
  expect(await store.stat("a-b/file")).toMatchObject({ state: "ACTIVE", locationCount: 1 })
  expect([...services.catalog.locations("ab")].length).toBe(1)
})
