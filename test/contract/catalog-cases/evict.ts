/** What may leave staging, in which order, and what that is counted as. */
import { describe, expect, it } from "vitest"
import { idOf, put, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function evictCases(subject: Subject): void {
  describe("evict", () => {
    const evictable = async () => (await subject.catalog.evictable({ limit: 100 })).entries.map((entry) => entry.id)

    it("lets nothing go that some wanted copy is not proven of", async () => {
      const { catalog } = subject
      await put(catalog, { backends: ["local", "remote"] })
      await settle(catalog, "a", "done")
      expect(await evictable()).toEqual([])
      expect(await catalog.commitEvict(idOf("a"))).toBe(false)
      await settle(catalog, "a", "done", { backend: "remote" })
      expect(await evictable()).toEqual([idOf("a")])
      expect(await catalog.commitEvict(idOf("a"))).toBe(true)
      expect(catalog.blob(idOf("a"))).toMatchObject({ staged: false, synced: 2 })
      expect(await catalog.commitEvict(idOf("a"))).toBe(false)
    })

    it("keeps a blob that is named but wanted nowhere: its only copy is in staging", async () => {
      await put(subject.catalog, { backends: [] })
      expect(await evictable()).toEqual([])
      expect(await subject.catalog.commitEvict(idOf("a"))).toBe(false)
    })

    it("forgets a blob that nothing names when it is evicted", async () => {
      const { catalog } = subject
      await put(catalog, { backends: [], sideChecksums: ["md5"] })
      await catalog.commitDelete({ key: "a", time: 2 })
      expect(await evictable()).toEqual([idOf("a")])
      expect(await catalog.commitEvict(idOf("a"))).toBe(true)
      expect(catalog.blob(idOf("a"))).toBeNull()
      expect(catalog.counters()).toMatchObject({ blobs: 0, outbox: 0, stagedBytes: 0 })
    })

    it("says no to what it does not know", async () => {
      expect(await subject.catalog.commitEvict(idOf("nothing"))).toBe(false)
    })

    it("gives the least recently read first, in pages", async () => {
      const { catalog } = subject
      for (const [index, key] of ["a", "b", "c", "d", "e"].entries()) {
        await put(catalog, { key, time: 1_000 + index })
        await settle(catalog, key, "done")
      }
      await catalog.commitReads(
        new Map([
          [idOf("a"), 50_000],
          [idOf("c"), 500],
          [idOf("nothing"), 1],
        ]),
      )
      const order = ["b", "c", "d", "e", "a"].map(idOf)
      expect(await evictable()).toEqual(order)
      const paged: string[] = []
      let after: string | undefined
      do {
        const page = await catalog.evictable({ limit: 2, ...(after !== undefined && { after }) })
        paged.push(...page.entries.map((entry) => entry.id))
        after = page.cursor ?? undefined
      } while (after !== undefined)
      expect(paged).toEqual(order)
      expect((await catalog.evictable({ limit: 1 })).entries).toEqual([{ id: idOf("b"), size: 1, lastRead: 1_001 }])
      expect(catalog.lastSequence()).toBe(10)
    })

    it("counts what is staged and what must stay", async () => {
      const { catalog } = subject
      await put(catalog, { key: "a", content: "1234" })
      await put(catalog, { key: "b", content: "123456" })
      expect(catalog.usage()).toEqual({ bytes: 10, entries: 2, pinnedBytes: 10, pinnedEntries: 2 })
      await settle(catalog, "a", "done")
      expect(catalog.usage()).toEqual({ bytes: 10, entries: 2, pinnedBytes: 6, pinnedEntries: 1 })
      await catalog.commitEvict(idOf("1234"))
      expect(catalog.usage()).toEqual({ bytes: 6, entries: 1, pinnedBytes: 6, pinnedEntries: 1 })
      await put(catalog, { key: "c", content: "1234" })
      expect(catalog.usage()).toEqual({ bytes: 10, entries: 2, pinnedBytes: 10, pinnedEntries: 2 })
    })
  })
}
