/** Ordered reads: by UTF-8 bytes, by prefix, in pages, beside commits. */
import { describe, expect, it } from "vitest"
import { idOf, park, put, retry, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

/** In the order of their UTF-8 bytes, which for the last three is not that of JavaScript's strings. */
const ORDERED = [
  "A",
  "a",
  "a b",
  "a!",
  "a-b",
  "a.b",
  "a/b",
  "a/b/c",
  "a0",
  "ab",
  "b",
  "z",
  "é",
  "日本",
  "\uffee",
  "\ufffd",
  "\u{1f600}",
]

export function listCases(subject: Subject): void {
  describe("list", () => {
    const keys = (page?: { prefix?: string; after?: string; limit?: number }) =>
      Array.from(subject.catalog.objects(page), (object) => object.key)

    it("orders keys by their UTF-8 bytes", async () => {
      await Promise.all([...ORDERED].reverse().map((key) => put(subject.catalog, { key })))
      expect(keys()).toEqual(ORDERED)
      expect(ORDERED).toEqual([...ORDERED].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    })

    it("keeps to a prefix, which is text and no segment", async () => {
      await Promise.all(ORDERED.map((key) => put(subject.catalog, { key })))
      expect(keys({ prefix: "a/" })).toEqual(["a/b", "a/b/c"])
      expect(keys({ prefix: "a/b" })).toEqual(["a/b", "a/b/c"])
      expect(keys({ prefix: "\u{1f600}" })).toEqual(["\u{1f600}"])
      expect(keys({ prefix: "\ufffd" })).toEqual(["\ufffd"])
      expect(keys({ prefix: "nothing" })).toEqual([])
    })

    it("goes on after a key that need not exist, within the prefix", async () => {
      await Promise.all(ORDERED.map((key) => put(subject.catalog, { key })))
      expect(keys({ after: "a/b" }).slice(0, 2)).toEqual(["a/b/c", "a0"])
      expect(keys({ after: "a/a" }).slice(0, 1)).toEqual(["a/b"])
      expect(keys({ prefix: "a/", after: "a/b" })).toEqual(["a/b/c"])
      expect(keys({ prefix: "a/", after: "A" })).toEqual(["a/b", "a/b/c"])
      expect(keys({ prefix: "a/", after: "z" })).toEqual([])
      expect(keys({ after: "\u{1f600}" })).toEqual([])
      expect(keys({ after: "z".repeat(5_000), limit: 1 })).toEqual(["é"])
      expect(subject.catalog.object("z".repeat(5_000))).toBeNull()
    })

    it("gives every page of any size the same rows in sum", async () => {
      const all = Array.from({ length: 300 }, (_, index) => `key-${String(index).padStart(4, "0")}`)
      await Promise.all(all.map((key) => put(subject.catalog, { key })))
      for (const limit of [1, 7, 64, 299, 300, 301]) {
        const seen: string[] = []
        for (let page = keys({ limit }); page.length > 0; page = keys({ limit, after: seen.at(-1)! }))
          seen.push(...page)
        expect(seen).toEqual(all)
      }
      expect(keys({ limit: 0 })).toEqual([])
    })

    it("walks on while commits come and go, and sees each row at most once", async () => {
      const { catalog } = subject
      const all = Array.from({ length: 200 }, (_, index) => `key-${String(index).padStart(4, "0")}`)
      await Promise.all(all.map((key) => put(catalog, { key })))
      const seen: string[] = []
      for (const object of catalog.objects()) {
        seen.push(object.key)
        if (seen.length === 3) {
          await catalog.commitDelete({ key: "key-0150", time: 5 })
          await put(catalog, { key: "key-0199x" })
          await put(catalog, { key: "key-0000x" })
        }
      }
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen).not.toContain("key-0150")
      // What is added meanwhile may be seen or not.
      expect(seen.filter((key) => key !== "key-0199x")).toEqual(all.filter((key) => key !== "key-0150"))
    })

    it("lists the keys that name a blob and the locations that want it", async () => {
      const { catalog } = subject
      const named = Array.from({ length: 40 }, (_, index) => `k${String(index).padStart(2, "0")}`)
      await Promise.all(named.map((key) => put(catalog, { key, content: "same", backends: ["b1", "b2"] })))
      await put(catalog, { key: "k00x", content: "other" })
      const id = idOf("same")
      expect([...catalog.keysOf(id)]).toEqual(named)
      expect([...catalog.keysOf(id, { after: "k37" })]).toEqual(["k38", "k39"])
      expect([...catalog.keysOf(id, { limit: 2 })]).toEqual(["k00", "k01"])
      const wanting = [...catalog.locationsOf(id)].map(({ backend, key }) => `${backend} ${key}`)
      expect(wanting).toEqual([...named.map((key) => `b1 ${key}`), ...named.map((key) => `b2 ${key}`)])
      expect(
        [...catalog.locationsOf(id, { after: ["b1", "k39"], limit: 1 })].map(({ backend, key }) => [backend, key]),
      ).toEqual([["b2", "k00"]])
      expect([...catalog.blobs()].map((blob) => blob.id)).toEqual([id, idOf("other")].sort())
      const [first] = [id, idOf("other")].sort() as [typeof id]
      expect([...catalog.blobs({ after: first })].map((blob) => blob.id)).toEqual([[id, idOf("other")].sort()[1]])
      expect([...catalog.blobs({ limit: 1 })].map((blob) => blob.id)).toEqual([first])
    })

    it("lists the locations of one backend, never those of another with a longer name", async () => {
      const { catalog } = subject
      for (const key of ["a", "b", "c"]) await put(catalog, { key, backends: ["b", "b2", "b-"] })
      const listed = (page?: { prefix?: string; after?: string; limit?: number }) =>
        [...catalog.locations("b", page)].map(({ backend, key }) => `${backend} ${key}`)
      expect(listed()).toEqual(["b a", "b b", "b c"])
      expect(listed({ after: "a", limit: 1 })).toEqual(["b b"])
      expect(listed({ prefix: "c" })).toEqual(["b c"])
    })

    it("gives due rows by time and then by sequence, each queue its own", async () => {
      const { catalog } = subject
      for (const key of ["a", "b", "c"]) await put(catalog, { key, backends: ["local", "remote"] })
      await settle(catalog, "a", retry(9_000))
      const due = (now: number, limit = 10) =>
        catalog.due("sync-local", { now, limit }).map(({ payload }) => (payload as { key: string }).key)
      expect(due(999)).toEqual([])
      expect(due(1_000)).toEqual(["b", "c"])
      expect(due(9_000)).toEqual(["b", "c", "a"])
      expect(due(Number.MAX_SAFE_INTEGER, 2)).toEqual(["b", "c"])
      expect(catalog.nextDue("sync-local")).toBe(1_000)
      expect(catalog.nextDue("sync-nothing")).toBeNull()
      await settle(catalog, "b", park(), { backend: "remote" })
      expect(catalog.queues()).toEqual([
        { queue: "sync-local", due: 3, parked: 0, oldest: 1_000 },
        { queue: "sync-remote", due: 2, parked: 1, oldest: 1_000 },
      ])
      const listed = (page: Parameters<typeof catalog.outbox>[0]) =>
        [...catalog.outbox(page)].map((row) => row.sequence)
      expect(listed({})).toEqual([1, 2, 3, 4, 5, 6])
      expect(listed({ queue: "sync-remote" })).toEqual([2, 4, 6])
      expect(listed({ queue: "sync-remote", status: "due", afterSequence: 2, limit: 1 })).toEqual([6])
      expect(listed({ status: "parked" })).toEqual([4])
      expect(listed({ status: "parked", queue: "sync-local" })).toEqual([])
    })
  })
}
