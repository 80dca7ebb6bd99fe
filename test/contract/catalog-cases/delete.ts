/** commitDelete: the whole object, or some of its copies. */
import { describe, expect, it } from "vitest"
import { idOf, put, refusal, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function deleteCases(subject: Subject): void {
  describe("delete", () => {
    it("takes the object away at once and its copies by jobs", async () => {
      const { catalog } = subject
      await put(catalog, { backends: ["local", "remote"] })
      const commit = await catalog.commitDelete({ key: "a", time: 3_000 })
      expect(commit).toMatchObject({ object: { key: "a", version: 1 }, backends: ["local", "remote"], sequence: 2 })
      expect(catalog.object("a")).toBeNull()
      expect([...catalog.objects()]).toEqual([])
      expect(catalog.location("remote", "a")).toMatchObject({ want: null, state: "deleting", generation: 2 })
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 0, wanted: 0, staged: true })
      expect(catalog.due("sync-remote", { now: 3_000, limit: 10 })).toMatchObject([{ payload: { generation: 2 } }])
    })

    it("says that nothing was there", async () => {
      expect(await subject.catalog.commitDelete({ key: "a", time: 1 })).toEqual({
        object: null,
        backends: [],
        sequence: null,
      })
      expect(subject.catalog.lastSequence()).toBe(0)
    })

    it("lets versions of the key go on", async () => {
      const { catalog } = subject
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 2 })
      const again = await put(catalog)
      expect(again).toMatchObject({ isNew: true, object: { version: 3 } })
      await catalog.commitDelete({ key: "a", time: 3 })
      await subject.reopen()
      expect((await put(subject.catalog)).object.version).toBe(5)
    })

    it("refuses by ifVersion and changes nothing", async () => {
      const { catalog } = subject
      await put(catalog)
      expect(await refusal(catalog.commitDelete({ key: "a", ifVersion: 2, time: 2 }))).toBe("CONFLICT")
      expect(await refusal(catalog.commitDelete({ key: "b", ifVersion: 1, time: 2 }))).toBe("CONFLICT")
      expect(catalog.object("a")?.version).toBe(1)
      expect((await catalog.commitDelete({ key: "a", ifVersion: 1, time: 2 })).sequence).toBe(2)
    })

    it("takes only named copies away, and the object stays", async () => {
      const { catalog } = subject
      await put(catalog, { backends: ["local", "remote"] })
      const commit = await catalog.commitDelete({ key: "a", backends: ["remote", "other"], time: 2_000 })
      expect(commit.backends).toEqual(["remote"])
      expect(catalog.object("a")).toMatchObject({
        version: 2,
        modified: 2_000,
        copies: [{ backend: "local", key: "a" }],
      })
      expect(catalog.location("remote", "a")).toMatchObject({ want: null })
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 1, wanted: 1 })
    })

    it("does nothing where none of the named backends has a copy", async () => {
      const { catalog } = subject
      await put(catalog)
      const commit = await catalog.commitDelete({ key: "a", backends: ["other"], time: 2_000 })
      expect(commit).toMatchObject({ object: { key: "a" }, backends: [], sequence: null })
      expect(catalog.object("a")?.version).toBe(1)
    })

    it("forgets a location once it is proven empty, and goes on behind its generation", async () => {
      const { catalog } = subject
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 2 })
      expect((await settle(catalog, "a", "done")).status).toBe("applied")
      expect(catalog.location("local", "a")).toBeNull()
      expect(catalog.counters()).toMatchObject({ locations: 0, outbox: 0 })
      // A worker that still carries out the first put must not be believed.
      const again = await put(catalog)
      expect(again.locations[0]?.generation).toBeGreaterThan(2)
    })

    it("keeps a blob that another key names", async () => {
      const { catalog } = subject
      await put(catalog, { key: "a", content: "same" })
      await put(catalog, { key: "b", content: "same" })
      await catalog.commitDelete({ key: "a", time: 2 })
      expect(catalog.blob(idOf("same"))).toMatchObject({ references: 1, wanted: 1 })
      expect(await catalog.commitEvict(idOf("same"))).toBe(false)
    })

    it("drops the row of a blob that is not staged with its last name", async () => {
      const { catalog } = subject
      await put(catalog, { checksums: { md5: "c".repeat(32) } })
      await settle(catalog, "a", "done")
      expect(await catalog.commitEvict(idOf("a"))).toBe(true)
      await catalog.commitDelete({ key: "a", time: 2 })
      expect(catalog.blob(idOf("a"))).toBeNull()
      expect(catalog.findByChecksum("md5", "c".repeat(32))).toBeNull()
      expect(catalog.counters()).toMatchObject({ blobs: 0, bytes: 0 })
    })
  })
}
