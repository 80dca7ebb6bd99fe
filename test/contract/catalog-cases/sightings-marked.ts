/** Found places beside everything else that happens to them: failing reads, deletes, puts, late outcomes, backends that go. */
import { describe, expect, it } from "vitest"
import { idOf, put, settle } from "../catalog.facts.ts"
import { addBackend, looksAt, PHOTOS, see } from "../catalog.sightings.ts"
import type { Subject } from "../catalog.suite.ts"

export function markedCases(subject: Subject): void {
  describe("found places and what else happens", () => {
    const location = (key: string, backend = PHOTOS) => subject.catalog.location(backend, key)
    const object = (key: string) => subject.catalog.object(`photos/${key}`)
    const drift = (key: string, state: "missing" | "corrupt") =>
      subject.catalog.commitDrift({ backend: PHOTOS, key, state, repair: true, time: 4_000 })
    const change = (key: string) => see(subject.catalog, { [key]: { content: "?", modified: 700, read: false } })

    /** Two copies of one found object; that on `photos` has been touched. */
    async function touched(): Promise<void> {
      const { catalog } = subject
      await addBackend(catalog)
      await addBackend(catalog, "mirror")
      await see(catalog, { a: "a" })
      await see(catalog, { a: "a" }, { backend: "mirror" })
      await change("a")
      expect(object("a")).toMatchObject({ state: "INCONSISTENT" })
    }

    it("a read that fails has them looked at, and never written over", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a", b: "b" })
      await put(catalog, { key: "elsewhere", content: "b" })
      await drift("a", "corrupt")
      await drift("b", "missing")
      expect(location("a")).toMatchObject({ state: "changed" })
      expect(location("b")).toMatchObject({ state: "missing" })
      expect(object("a")).toMatchObject({ state: "INCONSISTENT" })
      expect(looksAt(catalog)).toEqual(["a"])
      expect(catalog.counters()).toMatchObject({ parked: 1 })
      const before = catalog.lastSequence()
      await drift("b", "missing")
      expect(catalog.lastSequence()).toBe(before)
      expect(await see(catalog, { a: "x" })).toMatchObject({ changed: 1 })
      expect(location("a")).toMatchObject({ state: "corrupt" })
    })

    it("a read that fails does not take back what somebody has asked to be put right", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "elsewhere", content: "a" })
      await see(catalog, { a: "a" })
      await see(catalog, { a: null })
      await catalog.commitRetry({ backend: PHOTOS, limit: 1, time: 5_000 })
      for (const state of ["missing", "corrupt"] as const) {
        await drift("a", state)
        expect(catalog.due(`sync-${PHOTOS}`, { now: 1e6, limit: 9 })).toHaveLength(1)
      }
      await settle(catalog, "a", "done", { backend: PHOTOS })
      expect(location("a")).toMatchObject({ state: "synced", found: true })
    })

    it("a file that is changed and deleted here leaves no doubt about the others", async () => {
      await touched()
      await subject.catalog.commitDelete({ key: "photos/a", backends: [PHOTOS], time: 5_000 })
      expect(object("a")).toMatchObject({ state: "ACTIVE", copies: [{ backend: "mirror" }] })
      expect(await see(subject.catalog, { a: "x" })).toMatchObject({ same: 1 })
      expect(looksAt(subject.catalog)).toEqual([])
    })

    it("a backend that goes leaves no doubt about the others, and no looks", async () => {
      await touched()
      const { catalog } = subject
      await catalog.commitLooks(PHOTOS, ["b", "c", "d"])
      const remove = () => catalog.commitBackendRemoval(PHOTOS, { limit: 2, time: 5_000 })
      expect(await remove()).toEqual({ removed: 1, done: false })
      expect(await remove()).toEqual({ removed: 0, done: true })
      expect(object("a")).toMatchObject({ state: "ACTIVE", copies: [{ backend: "mirror" }] })
      expect(looksAt(catalog)).toEqual([])
      expect(catalog.counters()).toMatchObject({ looks: 0 })
      expect(catalog.scan(PHOTOS)).toMatchObject({ state: "idle", looks: 0 })
    })

    it("a put over a changed file is what counts", async () => {
      await touched()
      const copies = [
        { backend: PHOTOS, key: "a" },
        { backend: "mirror", key: "a" },
      ]
      await put(subject.catalog, { key: "photos/a", content: "a", copies })
      expect(object("a")).toMatchObject({ state: "ACTIVE", version: 2 })
      expect(location("a")).toMatchObject({ state: "pending" })
      expect(location("a", "mirror")).toMatchObject({ state: "synced" })
      await see(subject.catalog, { a: "x" })
      expect(looksAt(subject.catalog)).toEqual([])
    })

    it("another copy that changes is what counts", async () => {
      await touched()
      const { catalog } = subject
      await see(catalog, { a: { content: "new", modified: 800 } }, { backend: "mirror" })
      expect(object("a")).toMatchObject({ state: "ACTIVE", version: 2, id: idOf("new") })
      expect(location("a")).toMatchObject({ state: "pending", want: idOf("new") })
    })

    it("a late outcome of an earlier order has them checked", async () => {
      await touched()
      const { catalog } = subject
      expect(await settle(catalog, "a", "done", { backend: PHOTOS, generation: 0 })).toMatchObject({ status: "stale" })
      expect(location("a")).toMatchObject({ state: "pending" })
      expect(object("a")).toMatchObject({ state: "ACTIVE" })
    })

    it("an object stays in doubt until its own copy is read, whatever becomes of its blob", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "same" })
      await change("a")
      expect(catalog.blob(idOf("same"))).toMatchObject({ synced: 0 })
      await see(catalog, { b: "same" })
      expect([object("a")?.state, object("b")?.state]).toEqual(["INCONSISTENT", "ACTIVE"])
      await see(catalog, { b: null })
      expect([object("a")?.state, object("b")?.state]).toEqual(["INCONSISTENT", "MISSING"])
      await see(catalog, { a: { content: "same", modified: 700 } })
      expect([object("a")?.state, object("b")?.state]).toEqual(["ACTIVE", "ACTIVE"])
    })

    it("what failed to be written is looked at, and proven where it got there all the same", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "a", backends: [PHOTOS] })
      const error = { code: "TIMEOUT" as const, message: "late", retryable: true }
      await settle(catalog, "a", { type: "park", error }, { backend: PHOTOS })
      expect(await see(catalog, { a: { content: "a", read: false } })).toMatchObject({ changed: 1 })
      expect(await see(catalog, { a: "a" })).toMatchObject({ same: 1 })
      expect(location("a")).toMatchObject({ state: "synced", attempts: 0, error: null })
      expect(catalog.counters()).toMatchObject({ outbox: 0 })
    })
  })
}
