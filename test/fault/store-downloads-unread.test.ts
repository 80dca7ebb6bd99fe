/**
 * Content that was listed on a remote backend and never read has no hash yet: its first readers share one download all the same, which gives it its id and stages it
 * under that (A25, R12). What changes meanwhile is neither handed out as whole nor staged.
 */
import { createHash } from "node:crypto"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { silentLog } from "../../src/store/log.ts"
import { text } from "../contract/backend/harness.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { scanned } from "../flow/scan-steps.ts"
import { CONTENT, ended, expectNothingLeft, type Fed, feed, SIZE, stream, take } from "./fed-backend.ts"
import { codeOf, readAll } from "./store-harness.ts"

type Unread = OpenedStore & { directory: string; fed: Fed; id: string; warnings: string[] }

/** An object `k` that a scan has found on the fed backend `a`, and nobody has read. */
async function unread(content = CONTENT, config = {}): Promise<Unread> {
  const warnings: string[] = []
  const log = { ...silentLog, warn: (_data: object, what?: string) => void warnings.push(what!) }
  const backends = {
    a: { driver: "memory", mode: "observe" as const, scan: { every: "off", hash: false, prefix: "" } },
    b: { driver: "memory" },
  }
  const opened = await openTestStore({ backends, defaultBackends: ["b"], ...config }, { log })
  const fed = feed(opened, "a", content)
  await memoryBackend(opened, "a").put("k", { size: content.length, bytes: content, read: () => expect.fail("memory") })
  await scanned(opened, "a")
  expect((await opened.store.stat("k"))?.id).toMatch(/^etag:/)
  return { ...opened, fed, warnings, id: `sha256:${createHash("sha256").update(content).digest("hex")}` }
}

async function expectCached({ store, id, fed }: Unread, content: Buffer): Promise<void> {
  expect(await store.stat("k")).toMatchObject({ id, staged: true })
  const again = await store.open("k")
  expect(again.servedFrom).toBe("staging")
  expect((await readAll(again.stream)).equals(content)).toBe(true)
  expect(fed.reads).toHaveLength(1)
}

test.each([1, 100_000, SIZE])("of %i bytes: several readers cause one read, and the next one none", async (size) => {
  const content = CONTENT.subarray(0, size)
  const opened = await unread(content)
  const reads = [opened.store.get("k"), stream(opened).then(readAll), stream(opened).then(readAll)]
  opened.fed.allow(size)
  for (const bytes of await Promise.all(reads)) expect(bytes.equals(content)).toBe(true)
  await ended(opened)
  await expectCached(opened, content)
  expect(opened.warnings).toEqual([])
  await expectNothingLeft(opened)
})

test("everybody is served as bytes come, and nobody has the last of them before it is known what they are", async () => {
  const opened = await unread()
  const early = await stream(opened)
  opened.fed.allow(1_000_000)
  const first = await take(early, 1_000_000)
  const late = await stream(opened)
  opened.fed.allow(SIZE)
  expect((await readAll(late)).equals(CONTENT)).toBe(true)
  expect(Buffer.concat([first, await readAll(early)]).equals(CONTENT)).toBe(true)
  await expectCached(opened, CONTENT)
  await expectNothingLeft(opened)
})

test("what is replaced while it is read is whole for nobody, and is not staged", async () => {
  const opened = await unread()
  const readers = [await stream(opened), await stream(opened)]
  opened.fed.allow(1_000_000)
  for (const reader of readers) await take(reader, 1_000_000)
  await memoryBackend(opened, "a").put("k", text("another"))
  opened.fed.allow(SIZE)
  const codes = await Promise.all(readers.map((reader) => codeOf(readAll(reader))))
  expect(codes).toEqual(["COPY_UNAVAILABLE", "COPY_UNAVAILABLE"])
  await ended(opened)
  expect(
    (await readdir(join(opened.directory, "staging"), { recursive: true })).filter((name) =>
      name.includes(opened.id.slice(-20)),
    ),
  ).toEqual([])
  expect(opened.services.catalog.blob(opened.id as never)).toBeNull()
})

test("a download that breaks off caches nothing, and the next read is a new one", async () => {
  const opened = await unread()
  opened.fed.cutAt = 500_000
  opened.fed.allow(SIZE)
  expect(await Promise.all([codeOf(opened.store.get("k")), codeOf(stream(opened).then(readAll))])).toEqual([
    "COPY_UNAVAILABLE",
    "BACKEND_UNAVAILABLE",
  ])
  expect(opened.fed.reads).toHaveLength(1)
  expect((await opened.store.stat("k"))?.id).toMatch(/^etag:/)
  opened.fed.cutAt = undefined
  expect((await opened.store.get("k")).equals(CONTENT)).toBe(true)
  await ended(opened)
  expect(opened.fed.reads).toHaveLength(2)
  expect(await opened.store.stat("k")).toMatchObject({ id: opened.id, staged: true })
  await expectNothingLeft(opened)
})

test("the last one who leaves ends it, and it stays unread", async () => {
  const opened = await unread()
  const reader = await stream(opened)
  opened.fed.allow(500_000)
  await take(reader, 500_000)
  reader.destroy()
  await ended(opened)
  expect((await opened.store.stat("k"))?.id).toMatch(/^etag:/)
  opened.fed.allow(SIZE)
  expect((await opened.store.get("k")).equals(CONTENT)).toBe(true)
  await ended(opened)
  expect(opened.fed.reads).toHaveLength(2)
  await expectNothingLeft(opened)
})

test("where staging does not take it everybody has it all the same, also who lags behind, and it gets its id", async () => {
  const opened = await unread(CONTENT, { cache: { maxSize: 1_000_000 } })
  const slow = await stream(opened)
  const fast = await stream(opened)
  opened.fed.allow(SIZE)
  const first = await take(slow, 1)
  expect((await readAll(fast)).equals(CONTENT)).toBe(true)
  expect(Buffer.concat([first, await readAll(slow)]).equals(CONTENT)).toBe(true)
  await ended(opened)
  expect(opened.fed.reads.length, "the slow one reads on by itself").toBe(2)
  expect(await opened.store.stat("k")).toMatchObject({ id: opened.id, staged: false })
  await expectNothingLeft(opened)
})
