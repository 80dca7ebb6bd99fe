/** What is found where the catalog knows of nothing: objects of their own, copies of others, and what must not come back. */
import { describe, expect, it } from "vitest"
import { isProvisional } from "../../../src/core/blob-id.ts"
import { idOf, put, refusal, settle } from "../catalog.facts.ts"
import { addBackend, look, looksAt, PHOTOS, see } from "../catalog.sightings.ts"
import type { Subject } from "../catalog.suite.ts"

export function foundCases(subject: Subject): void {
  describe("what is found at unknown places", () => {
    const location = (key: string, backend = PHOTOS) => subject.catalog.location(backend, key)

    it("becomes an object in version 1, its content known", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      const md5 = "0cc175b9c0f1b6a831c399e269772661"
      const { added, sequence } = await see(catalog, { "2024/a": { content: "a", checksums: { md5 }, file: "f1" } })
      expect(added).toBe(1)
      expect(catalog.object("photos/2024/a")).toMatchObject({
        id: idOf("a"),
        version: 1,
        size: 1,
        state: "ACTIVE",
        attributes: { modified: 500 },
        copies: [{ backend: PHOTOS, key: "2024/a" }],
      })
      expect(location("2024/a")).toMatchObject({
        objectKey: "photos/2024/a",
        want: idOf("a"),
        have: idOf("a"),
        state: "synced",
        found: true,
        verified: { at: 3_000, by: "checksum" },
        seen: { size: 1, modified: 500, file: "f1" },
      })
      expect(catalog.blob(idOf("a"))).toMatchObject({
        staged: false,
        references: 1,
        wanted: 1,
        synced: 1,
        checksums: { md5 },
      })
      expect(catalog.findByChecksum("md5", md5)).toBe(idOf("a"))
      expect(looksAt(catalog)).toEqual([])
      expect([...catalog.journal({ after: sequence! - 1 })]).toMatchObject([{ command: "found", backend: PHOTOS }])
      expect(catalog.counters()).toMatchObject({ outbox: 0, stagedEntries: 0 })
    })

    it("has a provisional id until it is read, and is to be read where that is wished", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: { content: "a", read: false } })
      await see(catalog, { b: { content: "a", read: false } }, { hash: false })
      for (const key of ["a", "b"]) {
        expect(location(key)).toMatchObject({ state: "synced", found: true, verified: { by: "listing" } })
        expect(isProvisional(catalog.object(`photos/${key}`)!.id)).toBe(true)
      }
      expect(location("a")!.want).not.toBe(location("b")!.want)
      expect(looksAt(catalog)).toEqual(["a"])
      expect(catalog.scan(PHOTOS)).toMatchObject({ looks: 1, lookBytes: 1 })
      await subject.reopen()
      expect(looksAt(subject.catalog)).toEqual(["a"])
      expect(subject.catalog.counters()).toMatchObject({ looks: 1, objects: 2, blobs: 2 })
      expect(subject.catalog.location(PHOTOS, "a")).toMatchObject({ found: true, verified: { by: "listing" } })
    })

    it("keeps its name where there is no prefix, and goes on behind a deleted one", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "a" })
      await catalog.commitDelete({ key: "a", time: 2 })
      await see(catalog, { a: "found" }, { prefix: "" })
      expect(catalog.object("a")).toMatchObject({ id: idOf("found"), version: 3 })
      await catalog.commitDelete({ key: "a", time: 4 })
      expect(catalog.object("a")).toBeNull()
    })

    it("is one more copy of an object that is just this, and left alone where the key means something else", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "photos/a", content: "a" })
      await put(catalog, { key: "photos/b", content: "mine" })
      expect(await see(catalog, { a: "a", b: "theirs" })).toMatchObject({ added: 1, taken: 1 })
      expect(catalog.object("photos/a")).toMatchObject({
        version: 1,
        copies: [
          { backend: "local", key: "photos/a" },
          { backend: PHOTOS, key: "a" },
        ],
      })
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 1, wanted: 2, synced: 1 })
      expect(catalog.object("photos/b")?.id).toBe(idOf("mine"))
      expect(location("b")).toBeNull()
      expect(looksAt(catalog)).toEqual([])
      const deleted = await catalog.commitDelete({ key: "photos/a", time: 5 })
      expect(deleted.backends).toEqual(["local", PHOTOS])
    })

    it("is read first where its content decides whether it is a copy", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "photos/a", content: "a" })
      expect(await see(catalog, { a: { content: "a", read: false } }, { hash: false })).toMatchObject({ taken: 1 })
      expect(await see(catalog, { a: { content: "a", read: false } })).toMatchObject({ again: 1 })
      expect(location("a")).toBeNull()
      expect(looksAt(catalog)).toEqual(["a"])
      expect(await see(catalog, { a: "a" })).toMatchObject({ added: 1 })
      expect(looksAt(catalog)).toEqual([])
    })

    it("is the copy of its own object again once the backend is back", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: { content: "a", read: false, etag: "e" } }, { hash: false })
      await catalog.commitBackendRemoval(PHOTOS, { limit: 10, time: 4_000 })
      expect(catalog.object("photos/a")).toMatchObject({ state: "MISSING", copies: [] })
      await addBackend(catalog)
      expect(await see(catalog, { a: { content: "a", read: false, etag: "e" } }, { hash: false })).toMatchObject({
        added: 1,
      })
      expect(catalog.object("photos/a")).toMatchObject({ state: "ACTIVE", version: 1, copies: [{ key: "a" }] })
    })

    it("does not bring back what was deleted after the look", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "photos/a", content: "a", backends: [] })
      const stale = look(catalog, { a: "a" })
      await catalog.commitDelete({ key: "photos/a", time: 2 })
      expect(await catalog.commitSightings(stale)).toMatchObject({ again: 1, added: 0 })
      expect(catalog.object("photos/a")).toBeNull()
      expect(looksAt(catalog)).toEqual(["a"])
      expect(await see(catalog, { a: "a" })).toMatchObject({ added: 1 })
      expect(catalog.object("photos/a")).toMatchObject({ version: 3 })
      expect(looksAt(catalog)).toEqual([])
    })

    it("does not bring back what was cleared after the look, whatever it was called", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      const stale = look(catalog, { a: "a" })
      await put(catalog, { key: "a", backends: [PHOTOS] })
      await settle(catalog, "a", "done", { backend: PHOTOS })
      await catalog.commitDelete({ key: "a", time: 2 })
      await settle(catalog, "a", "done", { backend: PHOTOS })
      expect(location("a")).toBeNull()
      expect(await catalog.commitSightings(stale)).toMatchObject({ again: 1, added: 0 })
      expect(catalog.object("photos/a")).toBeNull()
      expect(await see(catalog, { a: null })).toMatchObject({ same: 1 })
      expect(looksAt(catalog)).toEqual([])
    })

    it("does not bring back what was renamed after the look", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      const stale = look(catalog, { a: { content: "a", file: "f" } })
      await see(catalog, { a: { content: "a", file: "f" } })
      await see(catalog, { b: { content: "a", file: "f" } })
      expect(await see(catalog, { a: null })).toMatchObject({ moved: 1 })
      expect(await catalog.commitSightings(stale)).toMatchObject({ again: 1, added: 0 })
      expect(catalog.object("photos/a")).toBeNull()
      await see(catalog, { a: null })
    })

    it("is nobody's own work under way", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { backends: [PHOTOS] })
      await catalog.commitLooks(PHOTOS, ["a"])
      const before = location("a")
      expect(await see(catalog, { a: "half of it" })).toMatchObject({ same: 1 })
      expect(location("a")).toEqual(before)
      expect(looksAt(catalog)).toEqual([])
      await settle(catalog, "a", "done", { backend: PHOTOS })
      await catalog.commitDelete({ key: "a", time: 2 })
      expect(await see(catalog, { a: "a" })).toMatchObject({ same: 1 })
      expect(location("a")).toMatchObject({ want: null, state: "deleting" })
    })

    it("changes nothing at a place that has moved on since the look", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a" })
      const stale = look(catalog, { a: "older", b: null })
      await see(catalog, { a: { content: "newer", modified: 600 } })
      const before = location("a")
      expect(await catalog.commitSightings(stale)).toMatchObject({ again: 1, same: 1 })
      expect(location("a")).toEqual(before)
      expect(looksAt(catalog)).toEqual(["a"])
      await see(catalog, { a: { content: "newer", modified: 600 } })
      expect(looksAt(catalog)).toEqual([])
    })

    it("may be empty, and lie at many places", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      const names = Array.from({ length: 1_200 }, (_, number) => `empty/${String(number).padStart(4, "0")}`)
      const all = Object.fromEntries(names.map((name, number) => [name, { content: "", file: `f${number}` }]))
      expect(await see(catalog, all)).toMatchObject({ added: 1_200 })
      expect(catalog.blob(idOf(""))).toMatchObject({ references: 1_200, wanted: 1_200, synced: 1_200, size: 0 })
      expect(await see(catalog, all)).toMatchObject({ same: 1_200 })
      const gone = Object.fromEntries(names.slice(0, 5).map((name) => [name, null]))
      expect(await see(catalog, gone)).toMatchObject({ missing: 5 })
      expect(catalog.object("photos/empty/0000")?.state).toBe("ACTIVE")
      expect(catalog.blob(idOf(""))).toMatchObject({ references: 1_200, synced: 1_195 })
    })

    it("is one blob, whichever backends have it", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await addBackend(catalog, "music")
      await see(catalog, { a: "same" })
      await see(catalog, { a: "same" }, { backend: "music", prefix: "music/" })
      await see(catalog, { b: "same" }, { backend: "music", prefix: "photos/" })
      expect(catalog.blob(idOf("same"))).toMatchObject({ references: 3, wanted: 3, synced: 3 })
      await catalog.commitBackendRemoval("music", { limit: 10, time: 4_000 })
      expect(catalog.blob(idOf("same"))).toMatchObject({ references: 3, wanted: 1, synced: 1 })
      expect(catalog.object("music/a")).toMatchObject({ copies: [], state: "ACTIVE" })
    })

    it("goes like any other when its object is deleted, and belongs to a put over it", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a", b: "b" })
      await catalog.commitDelete({ key: "photos/a", time: 4_000 })
      expect(catalog.due(`sync-${PHOTOS}`, { now: 1e6, limit: 9 })).toMatchObject([{ payload: { key: "a" } }])
      await settle(catalog, "a", "done", { backend: PHOTOS })
      expect([location("a"), catalog.blob(idOf("a"))]).toEqual([null, null])
      await put(catalog, { key: "photos/b", content: "b", copies: [{ backend: PHOTOS, key: "b" }] })
      expect(location("b")).toMatchObject({ state: "synced", found: true })
      await put(catalog, { key: "photos/b", content: "mine", copies: [{ backend: PHOTOS, key: "b" }] })
      expect(catalog.object("photos/b")).toMatchObject({ version: 3 })
      expect(location("b")).toMatchObject({ state: "pending", want: idOf("mine") })
      expect(location("b")).not.toHaveProperty("found")
    })

    it("belongs to a put over it before it was ever read", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: { content: "a", read: false } })
      const provisional = location("a")!.want!
      await put(catalog, { key: "photos/a", content: "a", copies: [{ backend: PHOTOS, key: "a" }] })
      expect(catalog.blob(provisional)).toBeNull()
      expect(await see(catalog, { a: "a" })).toMatchObject({ same: 1 })
      expect(looksAt(catalog)).toEqual([])
      await settle(catalog, "a", "done", { backend: PHOTOS })
      expect(location("a")).toMatchObject({ state: "synced" })
    })

    it("is nothing to a catalog that does not know the backend", async () => {
      const { catalog } = subject
      expect(await see(catalog, { a: "a" })).toMatchObject({ added: 0, sequence: null })
      await catalog.commitLooks(PHOTOS, ["a"])
      expect([catalog.object("photos/a"), looksAt(catalog)]).toEqual([null, []])
    })

    it("is refused whole where a name cannot be kept", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      for (const bad of ["a\u0000b", "x".repeat(1_025), ""])
        expect(await refusal(see(catalog, { a: "a", [bad]: "a" })), JSON.stringify(bad)).toBe("INVALID_KEY")
      expect(await refusal(see(catalog, { ["x".repeat(1_020)]: "a" }))).toBe("INVALID_KEY")
      expect(await refusal(catalog.commitLooks(PHOTOS, ["a", "x".repeat(4_000)]))).toBe("INVALID_KEY")
      expect(catalog.counters()).toMatchObject({ objects: 0, looks: 0 })
    })
  })
}
