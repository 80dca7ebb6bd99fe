/** Row 33: many writers of one key. There is one total order without gaps, a loser changes nothing, and what is read is the last version. */
import { expect, test } from "vitest"
import { DEFAULT_RETRY_POLICY } from "../../queues/retry-policy.ts"
import type { StoreEvents } from "../../src/core/event.ts"
import { upkeep } from "../../src/store/maintenance.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { codeOf, expectHealthy } from "./store-harness.ts"

const WRITERS = 64

type PutEvent = StoreEvents["put"]

function contentOf(writer: number): Buffer {
  return Buffer.from(`content of writer ${writer}, `.repeat(writer + 1))
}

test("64 puts at once without a condition: versions 1 to 64, and the last one is what everybody reads", async () => {
  const opened = await openTestStore()
  const { store, services } = opened
  const records = await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) => store.put(contentOf(writer), { key: "k" })),
  )
  const byVersion = records
    .map((record, writer) => ({ version: record.version, id: record.id, writer }))
    .sort((one, other) => one.version - other.version)
  expect(byVersion.map(({ version }) => version)).toEqual(Array.from({ length: WRITERS }, (_, index) => index + 1))
  const last = byVersion.at(-1)!
  expect(await store.get("k")).toEqual(contentOf(last.writer))
  expect(records.filter((record) => record.isNew)).toHaveLength(1)
  const journal = [...store.journal()].filter((record) => record.command === "put")
  expect(journal.map((record) => record.id)).toEqual(byVersion.map(({ id }) => id))
  await store.synced("k")
  for (const name of ["a", "b"]) {
    const seen = await memoryBackend(opened, name).checksum("k", "sha256")
    expect(`sha256:${seen?.hex}`, `backend ${name}`).toBe(last.id)
  }
  await expectHealthy(opened)
  // Overtaken bytes are gone within one sweep (I9).
  await upkeep(services, DEFAULT_RETRY_POLICY)
  expect([...services.catalog.blobs()].map((blob) => blob.id)).toEqual([last.id])
})

test("64 puts at once: live and replayed, each event names what the one before it put", async () => {
  const opened = await openTestStore()
  const { store, services } = opened
  const live: PutEvent[] = []
  store.on("put", (data) => void live.push(data))
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => store.put(contentOf(writer), { key: "k" })))
  const replayed: PutEvent[] = []
  for await (const event of store.events({ after: 0 })) {
    if (event.type === "put" && replayed.push(event.data) === WRITERS) break
  }
  expect(live).toEqual(replayed)
  expect(replayed.map(({ replaced }) => replaced)).toEqual([
    null,
    ...replayed.slice(0, -1).map(({ checksum }) => checksum),
  ])
  const last = replayed.at(-1)!.checksum
  await expectHealthy(opened)
  await upkeep(services, DEFAULT_RETRY_POLICY)
  expect([...services.catalog.blobs()].map((blob) => blob.id)).toEqual([last])
})

test("64 puts at once that all expect the same version: one wins, 63 conflict and leave nothing", async () => {
  const opened = await openTestStore()
  const { store, services } = opened
  await store.put(Buffer.from("first"), { key: "k" })
  const codes = await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) => codeOf(store.put(contentOf(writer), { key: "k", ifVersion: 1 }))),
  )
  expect(codes.filter((code) => code === "resolved")).toHaveLength(1)
  expect(codes.filter((code) => code === "CONFLICT")).toHaveLength(WRITERS - 1)
  expect((await store.stat("k"))?.version).toBe(2)
  expect(await store.get("k")).toEqual(contentOf(codes.indexOf("resolved")))
  await expectHealthy(opened)
  const files: string[] = []
  for await (const file of services.staging.list()) files.push(file.id)
  expect(files, "the losers' bytes are gone").toHaveLength(1)
})

test("64 puts at once with ifAbsent: one creates the key", async () => {
  const opened = await openTestStore()
  const codes = await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) =>
      codeOf(opened.store.put(contentOf(writer), { key: "k", ifAbsent: true })),
    ),
  )
  expect(codes.filter((code) => code === "resolved")).toHaveLength(1)
  expect(codes.filter((code) => code === "CONFLICT")).toHaveLength(WRITERS - 1)
  await expectHealthy(opened)
})

test("a counter kept by 16 writers with ifVersion loses no step", async () => {
  const opened = await openTestStore()
  const { store } = opened
  await store.put(Buffer.from("0"), { key: "counter" })
  const step = async (): Promise<void> => {
    for (;;) {
      const { version, id } = (await store.stat("counter"))!
      const bytes = await store.get(id).catch((error: { code: string }) => {
        // The version that was asked for is overwritten, and its bytes are gone: look again.
        if (error.code === "NOT_FOUND") return null
        throw error
      })
      if (!bytes) continue
      const next = Buffer.from(String(Number(bytes.toString()) + 1))
      const code = await codeOf(store.put(next, { key: "counter", ifVersion: version }))
      if (code === "resolved") return
      expect(code).toBe("CONFLICT")
    }
  }
  await Promise.all(Array.from({ length: 16 }, async () => [await step(), await step(), await step()]))
  expect((await store.get("counter")).toString()).toBe("48")
  expect((await store.stat("counter"))?.version).toBe(49)
  await expectHealthy(opened)
})
