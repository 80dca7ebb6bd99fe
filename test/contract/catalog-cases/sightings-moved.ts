/** Files that were renamed at the backend: the object goes along, whichever end of it is seen first. */
import { describe, expect, it } from "vitest"
import { idOf, put, settle } from "../catalog.facts.ts"
import { addBackend, type Lying, looksAt, PHOTOS, see } from "../catalog.sightings.ts"
import type { Subject } from "../catalog.suite.ts"

export function movedCases(subject: Subject): void {
  describe("files that were renamed", () => {
    const location = (key: string, backend = PHOTOS) => subject.catalog.location(backend, key)
    const object = (key: string) => subject.catalog.object(`photos/${key}`)
    const file = (content: string, number: number, rest: Partial<Lying> = {}): Lying => ({
      content,
      file: `f${number}`,
      ...rest,
    })
    const add = (key: string, lying: Lying) => see(subject.catalog, { [key]: lying })

    /** An object with a copy elsewhere and custom metadata, whose file was found. */
    async function treasured(): Promise<void> {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "photos/a", content: "1", custom: { stars: 5 } })
      await settle(catalog, "photos/a", "done")
      await add("a", file("1", 1))
    }

    function expectMoved(): void {
      const { catalog } = subject
      expect(object("a")).toBeNull()
      expect(object("b")).toMatchObject({
        id: idOf("1"),
        custom: { stars: 5 },
        created: 1_000,
        copies: [
          { backend: PHOTOS, key: "b" },
          { backend: "local", key: "photos/a" },
        ],
      })
      expect(location("a")).toBeNull()
      expect(location("photos/a", "local")).toMatchObject({ objectKey: "photos/b", state: "synced" })
      expect(catalog.blob(idOf("1"))).toMatchObject({ references: 1, wanted: 2, synced: 2 })
      expect(catalog.counters()).toMatchObject({ parked: 0, outbox: 0 })
    }

    it("are told by where they went first", async () => {
      await treasured()
      expect(await add("b", file("1", 1))).toMatchObject({ added: 1 })
      const answer = await see(subject.catalog, { a: null })
      expect(answer).toMatchObject({ moved: 1, missing: 0, nudge: [] })
      expect(answer.facts).toMatchObject([{ command: "moved", key: "photos/b", detail: { from: "photos/a" } }])
      expectMoved()
    })

    it("are told by where they were first", async () => {
      await treasured()
      expect(await see(subject.catalog, { a: null })).toMatchObject({ missing: 1 })
      expect(await add("b", file("1", 1))).toMatchObject({ moved: 1, added: 0 })
      expectMoved()
    })

    it("are told in one go, before or after they are read", async () => {
      await treasured()
      expect(await see(subject.catalog, { a: null, b: file("1", 1, { read: false }) })).toMatchObject({
        missing: 1,
        added: 1,
      })
      expect(looksAt(subject.catalog)).toEqual(["b"])
      expect(await add("b", file("1", 1))).toMatchObject({ moved: 1 })
      expectMoved()
      await subject.reopen()
      expectMoved()
    })

    it("are told by a read that failed", async () => {
      await treasured()
      await add("b", file("1", 1))
      const { catalog } = subject
      await catalog.commitDrift({ backend: PHOTOS, key: "a", state: "missing", repair: true, time: 4_000 })
      await see(catalog, { a: null })
      expectMoved()
    })

    it("go over another file, and then it is that one's object that has a new version", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      for (const [name, other] of [
        ["a", "A"],
        ["b", "B"],
      ] as const) {
        await add(name, file(`new ${name}`, 1))
        await add(other, file(`old ${other}`, 2))
      }
      const over = (key: string) => add(key, file(`new ${key.toLowerCase()}`, 1, { modified: 900 }))
      await see(catalog, { a: null })
      expect(await over("A")).toMatchObject({ moved: 1 })
      expect(await over("B")).toMatchObject({ changed: 1 })
      expect(await see(catalog, { b: null })).toMatchObject({ moved: 1 })
      for (const key of ["A", "B"])
        expect(object(key)).toMatchObject({ version: 2, copies: [{ key }], state: "ACTIVE" })
      expect([object("a"), object("b")]).toEqual([null, null])
      expect(catalog.counters()).toMatchObject({ parked: 0, objects: 2 })
    })

    it("change places", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: file("1", 1), b: file("2", 2) })
      const swapped = { a: file("2", 2, { modified: 501 }), b: file("1", 1, { modified: 501 }) }
      expect(await see(catalog, swapped)).toMatchObject({ changed: 2 })
      expect(object("a")).toMatchObject({ id: idOf("2"), version: 2 })
      expect(object("b")).toMatchObject({ id: idOf("1"), version: 2 })
    })

    it("are others where the file, or its content, is another one, or where we wrote it", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await put(catalog, { key: "ours", content: "4", backends: [PHOTOS] })
      await settle(catalog, "ours", "done", { backend: PHOTOS })
      await see(catalog, { a: file("1", 1), b: file("2", 2), c: "3" })
      await see(catalog, { a: null, b: null, c: null, ours: null })
      expect(await see(catalog, { w: file("1", 9), x: file("9", 2), y: "3", z: file("4", 4) })).toMatchObject({
        added: 4,
      })
      for (const key of ["a", "b", "c"]) expect(location(key)).toMatchObject({ state: "missing" })
      expect(object("a")?.state).toBe("ACTIVE")
      expect(object("b")?.state).toBe("MISSING")
    })

    it("are followed where the backend is to be as the catalog says, too", async () => {
      const { catalog } = subject
      await addBackend(catalog, PHOTOS, "enforce")
      await put(catalog, { key: "elsewhere", content: "1" })
      await add("a", file("1", 1))
      expect(await see(catalog, { a: null })).toMatchObject({ missing: 1, nudge: [PHOTOS] })
      expect(await add("b", file("1", 1))).toMatchObject({ moved: 1 })
      expect(catalog.due(`sync-${PHOTOS}`, { now: 1e6, limit: 9 })).toEqual([])
    })

    it("stay what they are while their object waits for a content that nobody knows", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await addBackend(catalog, "mirror")
      await see(catalog, { a: { content: "0", read: false, etag: "0" } }, { backend: "mirror", hash: false })
      const other = { content: "0", etag: "0" }
      await see(catalog, { a: other }, { backend: "mirror" })
      await add("a", file("0", 1))
      expect(object("a")?.copies).toHaveLength(2)
      await see(catalog, { a: null })
      expect(await add("b", file("0", 1))).toMatchObject({ moved: 1 })
      expect(object("b")?.copies).toEqual([
        { backend: PHOTOS, key: "b" },
        { backend: "mirror", key: "a" },
      ])
      expect(await see(catalog, { a: { content: "11", etag: "1" } }, { backend: "mirror" })).toMatchObject({
        changed: 1,
      })
      expect(object("b")).toMatchObject({ id: idOf("11"), version: 2 })
      expect(location("b")).toMatchObject({ state: "pending", want: idOf("11") })
    })

    it("are not looked for among more than some of the same content", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      const many = Array.from({ length: 150 }, (_, number) => [`e${String(number).padStart(3, "0")}`, file("", number)])
      await see(catalog, Object.fromEntries(many))
      await see(catalog, { e001: null, e149: null })
      expect(await see(catalog, { x001: file("", 1), x149: file("", 149) })).toMatchObject({ moved: 1, added: 1 })
      expect([object("e001"), object("e149")]).toMatchObject([null, { state: "ACTIVE" }])
    })
  })
}
