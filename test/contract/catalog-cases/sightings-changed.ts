/** What is seen at places that the catalog knows: the same, something else, something that is yet to be read. */
import { describe, expect, it } from "vitest"
import { isProvisional } from "../../../src/core/blob-id.ts"
import { idOf, park, put, settle } from "../catalog.facts.ts"
import { addBackend, look, looksAt, PHOTOS, see } from "../catalog.sightings.ts"
import type { Subject } from "../catalog.suite.ts"

export function changedCases(subject: Subject): void {
  describe("what is seen at known places", () => {
    const location = (key: string, backend = PHOTOS) => subject.catalog.location(backend, key)
    const object = (key: string) => subject.catalog.object(`photos/${key}`)
    const unread = (content: string, modified: number) => ({ content, modified, read: false })

    it("is the same by its state, and then nothing is written", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: { content: "a", etag: "1" }, b: "b" })
      const before = [location("a"), location("b"), catalog.lastSequence()]
      const places = { a: { ...unread("a", 900), etag: "1" }, b: unread("b", 500) }
      expect(await see(catalog, places, { time: 9_000 })).toMatchObject({ same: 2, sequence: null })
      expect([location("a"), location("b"), catalog.lastSequence()]).toEqual(before)
    })

    it("is to be read where its state is another one, and is as it was if its content is", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a" })
      expect(await see(catalog, { a: unread("a", 600) })).toMatchObject({ changed: 1 })
      expect(location("a")).toMatchObject({ state: "changed", have: null, want: idOf("a") })
      expect(object("a")).toMatchObject({ state: "INCONSISTENT", version: 1 })
      expect(looksAt(catalog)).toEqual(["a"])
      expect(catalog.counters()).toMatchObject({ outbox: 0 })
      expect(await see(catalog, { a: unread("a", 600) })).toMatchObject({ changed: 1 })
      await subject.reopen()
      expect(subject.catalog.location(PHOTOS, "a")).toMatchObject({ state: "changed" })
      expect(await see(subject.catalog, { a: { content: "a", modified: 600 } })).toMatchObject({ same: 1 })
      expect(location("a")).toMatchObject({ state: "synced", have: idOf("a"), seen: { modified: 600 } })
      expect(object("a")).toMatchObject({ state: "ACTIVE", version: 1 })
      expect(looksAt(subject.catalog)).toEqual([])
    })

    it("is not taken for what was read before it changed", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a" })
      const stale = look(catalog, { a: "a" })
      await see(catalog, { a: unread("b", 600) })
      expect(await catalog.commitSightings(stale)).toMatchObject({ again: 1 })
      expect(location("a")).toMatchObject({ state: "changed", have: null })
      expect(looksAt(catalog)).toEqual(["a"])
    })

    it("is known in the same version once it is read", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: unread("a", 500) })
      const provisional = object("a")!.id
      expect(await see(catalog, { a: "a" })).toMatchObject({ same: 1 })
      expect(object("a")).toMatchObject({ id: idOf("a"), version: 1, state: "ACTIVE" })
      expect(location("a")).toMatchObject({ want: idOf("a"), have: idOf("a"), verified: { by: "checksum" } })
      expect(catalog.blob(provisional)).toBeNull()
      expect(looksAt(catalog)).toEqual([])
    })

    it("is a new version where it was never read and its state is another one", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: unread("a", 500) }, { hash: false })
      const first = object("a")!.id
      expect(await see(catalog, { a: unread("ab", 600) }, { hash: false })).toMatchObject({ changed: 1 })
      expect(object("a")).toMatchObject({ version: 2, size: 2, state: "ACTIVE" })
      expect(isProvisional(object("a")!.id)).toBe(true)
      expect(object("a")!.id).not.toBe(first)
      expect(catalog.blob(first)).toBeNull()
      expect(await see(catalog, { a: unread("ab", 600) }, { hash: false })).toMatchObject({ same: 1 })
    })

    it("is what the object is from now on, and what its other copies are to become", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await addBackend(catalog, "mirror")
      await see(catalog, { a: "1" })
      await see(catalog, { a: "1" }, { backend: "mirror" })
      const answer = await see(catalog, { a: { content: "22", modified: 600 } })
      expect(answer).toMatchObject({ changed: 1, nudge: ["mirror"] })
      expect(answer.facts).toMatchObject([{ command: "changed", key: "photos/a", id: idOf("22") }])
      expect(object("a")).toMatchObject({ id: idOf("22"), version: 2, size: 2, attributes: { modified: 600 } })
      expect(location("a")).toMatchObject({ state: "synced", want: idOf("22"), found: true })
      expect(location("a", "mirror")).toMatchObject({ state: "pending", want: idOf("22") })
      expect(location("a", "mirror")).not.toHaveProperty("found")
      expect(catalog.blob(idOf("1"))).toBeNull()
      await settle(catalog, "a", "done", { backend: "mirror" })
      expect(catalog.blob(idOf("22"))).toMatchObject({ references: 1, wanted: 2, synced: 2 })
    })

    it("is rot where only the content is another one, and is never followed", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a" })
      expect(await see(catalog, { a: "x" })).toMatchObject({ changed: 1 })
      expect(location("a")).toMatchObject({ state: "corrupt", want: idOf("a"), have: null, error: { code: "CORRUPT" } })
      expect(object("a")).toMatchObject({ id: idOf("a"), version: 1, state: "MISSING" })
      expect(catalog.counters()).toMatchObject({ parked: 1, outbox: 1 })
      const before = [location("a"), catalog.lastSequence()]
      expect(await see(catalog, { a: "x" })).toMatchObject({ same: 1 })
      expect(await see(catalog, { a: unread("x", 500) })).toMatchObject({ same: 1 })
      expect([location("a"), catalog.lastSequence()]).toEqual(before)
      expect(await see(catalog, { a: { content: "new", modified: 600 } })).toMatchObject({ changed: 1 })
      expect(object("a")).toMatchObject({ id: idOf("new"), version: 2, state: "ACTIVE" })
      expect(catalog.counters()).toMatchObject({ outbox: 0 })
    })

    it("is put right by hand only, where somebody has broken or taken away what was found", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a", b: "b" })
      await see(catalog, { a: "x", b: null })
      expect(await catalog.commitRetry({ before: 1e12, limit: 10, time: 5_000 })).toBe(0)
      expect(catalog.counters()).toMatchObject({ parked: 2 })
      expect(await catalog.commitRetry({ key: "photos/a", limit: 10, time: 5_000 })).toBe(1)
      expect(location("a")).toMatchObject({ state: "corrupt", found: true })
      expect(await catalog.commitRetry({ limit: 10, time: 5_000 })).toBe(1)
      await settle(catalog, "a", park(), { backend: PHOTOS })
      expect(await catalog.commitRetry({ before: 1e12, limit: 10, time: 6_000 })).toBe(1)
    })

    it("does not follow where we wrote it: it is reported, and left to people", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "a", backends: [PHOTOS, "local"] })
      await settle(catalog, "a", "done", { backend: PHOTOS })
      expect(await see(catalog, { a: { content: "x", modified: 9 } }, { prefix: "" })).toMatchObject({ changed: 1 })
      expect(location("a")).toMatchObject({ state: "corrupt", want: idOf("a"), seen: { modified: 9 } })
      expect(catalog.object("a")).toMatchObject({ id: idOf("a"), version: 1, state: "ACTIVE" })
      expect(catalog.counters()).toMatchObject({ parked: 1 })
      expect(await see(catalog, { a: "a" })).toMatchObject({ mended: 1 })
      expect(location("a")).toMatchObject({ state: "synced" })
      expect(location("a")).not.toHaveProperty("found")
    })

    it.each([true, false])("is put right where the backend is to be as the catalog says, fed: %s", async (fed) => {
      const { catalog } = subject
      await addBackend(catalog, PHOTOS, "enforce")
      await see(catalog, { a: "a", b: "b" })
      if (fed) {
        await put(catalog, { key: "elsewhere/a", content: "a" })
        await put(catalog, { key: "elsewhere/b", content: "b" })
      }
      const answer = await see(catalog, { a: { content: "x", modified: 9 }, b: null })
      expect(answer).toMatchObject({ changed: 1, missing: 1, nudge: fed ? [PHOTOS] : [] })
      expect(object("a")).toMatchObject({ id: idOf("a"), version: 1, state: fed ? "ACTIVE" : "MISSING" })
      expect(catalog.due(`sync-${PHOTOS}`, { now: 1e6, limit: 9 })).toHaveLength(fed ? 2 : 0)
      expect(catalog.counters()).toMatchObject({ parked: fed ? 0 : 2 })
      const before = catalog.lastSequence()
      await see(catalog, { a: { content: "x", modified: 9 }, b: null })
      expect(catalog.lastSequence()).toBe(before)
      if (!fed) {
        await put(catalog, { key: "elsewhere/a", content: "a" })
        await see(catalog, { a: { content: "x", modified: 9 } })
        expect(catalog.due(`sync-${PHOTOS}`, { now: 1e6, limit: 9 })).toMatchObject([{ payload: { key: "a" } }])
      }
    })

    it("is gone, and comes back", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a" })
      const answer = await see(catalog, { a: null })
      expect(answer).toMatchObject({ missing: 1 })
      expect(answer.facts).toMatchObject([
        { command: "drift", key: "photos/a", detail: { state: "missing", followed: true } },
      ])
      expect(location("a")).toMatchObject({ state: "missing", have: null, error: { code: "NOT_FOUND" } })
      expect(object("a")).toMatchObject({ state: "MISSING", version: 1 })
      expect(await see(catalog, { a: null })).toMatchObject({ same: 1, facts: [] })
      await see(catalog, { a: unread("a", 500) })
      expect(looksAt(catalog)).toEqual(["a"])
      expect(await see(catalog, { a: "a" })).toMatchObject({ same: 1 })
      expect(object("a")).toMatchObject({ state: "ACTIVE", version: 1 })
      await see(catalog, { a: null })
      expect(await see(catalog, { a: "a" })).toMatchObject({ mended: 1 })
    })

    it("comes back unread where it was never read", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: unread("a", 500) }, { hash: false })
      expect(await see(catalog, { a: null })).toMatchObject({ missing: 1 })
      expect(await see(catalog, { a: unread("a", 500) }, { hash: false })).toMatchObject({ mended: 1 })
      expect(object("a")).toMatchObject({ state: "ACTIVE", version: 1 })
    })
  })
}
