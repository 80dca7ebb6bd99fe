/** The doctor and a catalog that is broken: it is opened all the same, told of, and mended where other rows say how. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { LmdbEngine } from "../../src/catalog/lmdb/engine.ts"
import type { ReadRows } from "../../src/catalog/rows/rows.ts"
import type { Write } from "../../src/catalog/rows/transaction.ts"
import { createStore, runDoctor } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

const CONTENT = Buffer.alloc(3_000, 7)

/** A closed store with a proven copy of `proven`, and one of `waiting` that could not be made: a directory has its name. */
async function makeStore(): Promise<StoreConfigInput & { data: string }> {
  const directory = await temporaryDirectory()
  const root = join(directory, "root")
  const config = { data: join(directory, "data"), backends: { a: { driver: "fs", root } } }
  const { store } = await openTestStore(config)
  await store.put(CONTENT, { key: "proven", durability: "all" })
  await mkdir(join(root, "waiting"))
  await writeFile(join(root, "waiting", "in the way"), "x")
  await store.put(CONTENT, { key: "waiting" })
  await store.idle()
  await store.close()
  return config
}

/** Changes rows behind the catalog's back. */
async function meddle({ data }: { data: string }, change: (rows: ReadRows) => Write[]): Promise<void> {
  const engine = new LmdbEngine({ directory: join(data, "catalog"), examine: true })
  await engine.open()
  await engine.write(() => change(engine))
  await engine.close()
}

async function expectReadable(config: StoreConfigInput): Promise<void> {
  const store = await createStore(config, { work: false })
  try {
    expect(await store.get("proven")).toEqual(CONTENT)
  } finally {
    await store.close()
  }
}

const opens = (config: StoreConfigInput): Promise<string> =>
  createStore(config, { work: false }).then(
    (store) => store.close().then(() => "opened"),
    (error: { code: string }) => error.code,
  )

test("wrong counts keep a store from being opened, but not the doctor: it says which, and --repair counts again", async () => {
  const config = await makeStore()
  await meddle(config, (rows) => {
    const totals = rows.get("totals", "totals")!
    return [{ table: "totals", key: "totals", record: { ...totals, objects: 12, stagedBytes: 5 } }]
  })
  await expect(createStore(config)).rejects.toMatchObject({
    code: "CATALOG_CORRUPT",
    message: expect.stringContaining("stored doctor --repair"),
  })
  for (let look = 0; look < 2; look += 1) {
    const report = await runDoctor(config)
    expect(report).toMatchObject({ clean: false, repaired: 0 })
    expect(report.findings.filter((finding) => finding.severity === "fault")).toMatchObject([
      { invariant: "I12", subject: "objects", repair: null },
      { invariant: "I12", subject: "stagedBytes", repair: null },
    ])
  }
  expect(await opens(config)).toBe("CATALOG_CORRUPT")
  const told: string[] = []
  const mended = await runDoctor(config, { repair: true, onFinding: ({ subject }) => void told.push(subject) })
  expect(mended).toMatchObject({ clean: true, repaired: 2 })
  expect(told).toEqual(expect.arrayContaining(["objects", "stagedBytes"]))
  expect((await runDoctor(config)).clean).toBe(true)
  await expectReadable(config)
})

test("a copy that lost its job gets one again", async () => {
  const config = await makeStore()
  await meddle(config, (rows) => [
    ...Array.from(rows.range("outbox", {}), ([key]) => ({ table: "outbox" as const, key, record: null })),
    ...Array.from(rows.range("parked", {}), ([key]) => ({ table: "parked" as const, key, record: null })),
  ])
  expect(await opens(config)).toBe("CATALOG_CORRUPT")
  expect((await runDoctor(config)).findings).toContainEqual(
    expect.objectContaining({ invariant: "I3", severity: "fault", subject: "a waiting" }),
  )
  expect((await runDoctor(config, { repair: true })).clean).toBe(true)
  const store = await createStore(config, { work: false })
  expect([...store.failed()]).toMatchObject([{ payload: { kind: "sync", backend: "a", key: "waiting" } }])
  await store.close()
})

test("index rows that lead nowhere are told of and go", async () => {
  const config = await makeStore()
  await meddle(config, (rows) => {
    const id = rows.get("objects", "proven")!.id
    return [{ table: "locationsByBlob", key: `${id}\u0000la\u0000nobody`, record: true }]
  })
  expect((await runDoctor(config)).findings).toContainEqual(
    expect.objectContaining({ invariant: "I12", severity: "fault", subject: "a nobody" }),
  )
  expect(await runDoctor(config, { repair: true })).toMatchObject({ clean: true })
  await expectReadable(config)
})

test("a lost object is not covered up, and nothing is built on what is left", async () => {
  const config = await makeStore()
  await writeFile(join(config.data, "staging", "tmp", "left over"), "x")
  await meddle(config, () => [{ table: "objects", key: "proven", record: null }])
  for (const repair of [false, true, false]) {
    const report = await runDoctor(config, { repair })
    expect(report.clean).toBe(false)
    expect(report.findings).toContainEqual(
      expect.objectContaining({ invariant: "I12", severity: "fault", subject: "proven", repair: null }),
    )
    expect(report.findings).toContainEqual(expect.objectContaining({ subject: "tmp/left over", repair: null }))
  }
  expect(await opens(config)).toBe("CATALOG_CORRUPT")
})
