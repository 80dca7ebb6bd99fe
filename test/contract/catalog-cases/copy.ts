/** commitCopy: another key for an object, too or instead, in one transaction; and requests that have an effect once. */
import { describe, expect, it } from "vitest"
import type { Catalog } from "../../../src/catalog/catalog.ts"
import type { CopyFact } from "../../../src/catalog/copy-fact.ts"
import { idOf, put, putFact, refusal, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

const DAY = 24 * 3_600_000
const once = (fingerprint = "1") => ({ once: { name: "request", fingerprint } })

function copy(catalog: Catalog, fact: Partial<CopyFact> = {}) {
  const { key = "b" } = fact
  const copies = [{ backend: "local", key }]
  return catalog.commitCopy({ from: "a", key, moves: false, copies, sideChecksums: [], time: 3_000, ...fact })
}

export function copyCases(subject: Subject): void {
  describe("copy", () => {
    it("names the same bytes by another key, with all that is said of them, and wants copies of its own", async () => {
      const { catalog } = subject
      await put(catalog, { custom: { n: 1 }, attributes: { mode: 0o644 } })
      const commit = await copy(catalog)
      expect(commit).toMatchObject({ isNew: true, removed: null, object: { key: "b", version: 1, custom: { n: 1 } } })
      expect(catalog.object("b")).toMatchObject({ id: idOf("a"), mimeType: "text/plain", attributes: { mode: 0o644 } })
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 2, wanted: 2, synced: 0, staged: true })
      expect([...catalog.journal({ after: 1 })]).toMatchObject([{ command: "put", key: "b", detail: { from: "a" } }])
    })

    it("takes other metadata and another type where they are given", async () => {
      const { catalog } = subject
      await put(catalog, { custom: { n: 1 } })
      await copy(catalog, { custom: { m: 2 }, mimeType: "image/png" })
      expect(catalog.object("b")).toMatchObject({ custom: { m: 2 }, mimeType: "image/png" })
      expect(catalog.object("a")).toMatchObject({ custom: { n: 1 }, mimeType: "text/plain" })
    })

    it("moves: the first key is gone in the same commit, its copy goes by a job", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      const { removed, object } = await copy(catalog, { moves: true })
      expect([object.key, removed?.object?.key, removed?.backends]).toEqual(["b", "a", ["local"]])
      expect(catalog.object("a")).toBeNull()
      expect(catalog.location("local", "a")).toMatchObject({ want: null })
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 1, wanted: 1, synced: 0 })
      expect([...catalog.journal({ after: 2 })]).toMatchObject([
        { command: "put", key: "b", detail: { from: "a" } },
        { command: "delete", key: "a", detail: { to: "b" } },
      ])
      expect((await put(catalog, { key: "a", content: "anew" })).object.version).toBe(3)
    })

    it("replaces what lay under the key", async () => {
      const { catalog } = subject
      await put(catalog)
      await put(catalog, { key: "b" })
      const commit = await copy(catalog, { moves: true })
      expect(commit).toMatchObject({ isNew: false, replaced: idOf("b"), object: { version: 2 } })
      expect(catalog.counters()).toMatchObject({ objects: 1 })
    })

    it.each<[string, Partial<CopyFact>]>([
      ["the first key is not there", { from: "x" }],
      ["the first key has another version", { ifFromVersion: 2 }],
      ["the second one exists and must not", { key: "c", ifAbsent: true }],
      ["the second one has another version", { key: "c", ifVersion: 7 }],
    ])("changes nothing where %s", async (_, fact) => {
      const { catalog } = subject
      await put(catalog)
      await put(catalog, { key: "c" })
      const before = [catalog.counters(), catalog.lastSequence()]
      expect(await refusal(copy(catalog, { moves: true, ...fact }))).toMatch(/NOT_FOUND|CONFLICT/)
      expect([catalog.counters(), catalog.lastSequence()]).toEqual(before)
    })

    it("is refused where the bytes are not staged: the only copy would go before the new one is there", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      await catalog.commitEvict(idOf("a"))
      await expect(copy(catalog, { moves: true })).rejects.toMatchObject({ code: "CONFLICT", retryable: true })
      await catalog.commitStaged(idOf("a"), 4_000)
      await copy(catalog, { moves: true })
      expect(catalog.object("a")).toBeNull()
    })
  })

  describe("a request with a name", () => {
    it("changes something once, and is answered alike, also after the catalog was opened anew", async () => {
      const first = await subject.catalog.commitPut({ ...putFact(), ...once() })
      await subject.reopen()
      const { catalog } = subject
      expect(await catalog.commitPut({ ...putFact({ time: 5_000 }), ...once() })).toEqual({ ...first, repeated: true })
      expect([catalog.lastSequence(), catalog.object("a")?.version]).toEqual([1, 1])
    })

    it("is answered alike whatever has become of it since", async () => {
      const { catalog } = subject
      const put = await catalog.commitPut({ ...putFact({ ifAbsent: true }), ...once() })
      const gone = await catalog.commitDelete({ key: "a", time: 2_000, once: { name: "other", fingerprint: "d" } })
      const again = { key: "a", time: 2_500, once: { name: "other", fingerprint: "d" } }
      expect(await catalog.commitDelete(again)).toEqual({ ...gone, repeated: true })
      expect(await catalog.commitPut({ ...putFact({ ifAbsent: true }), ...once() })).toEqual({ ...put, repeated: true })
      expect(catalog.object("a")).toBeNull()
    })

    it("is a copy or a move likewise", async () => {
      const { catalog } = subject
      await put(catalog)
      const moved = await copy(catalog, { moves: true, ...once() })
      expect(await copy(catalog, { moves: true, ...once() })).toEqual({ ...moved, repeated: true })
      expect(catalog.lastSequence()).toBe(3)
    })

    it("is refused for another request", async () => {
      const { catalog } = subject
      await catalog.commitPut({ ...putFact(), ...once() })
      expect(await refusal(catalog.commitPut({ ...putFact({ content: "x" }), ...once("2") }))).toBe("KEY_REUSED")
      expect(catalog.object("a")?.version).toBe(1)
    })

    it("is kept only where it changed something", async () => {
      const { catalog } = subject
      expect(await refusal(catalog.commitPut({ ...putFact({ ifVersion: 3 }), ...once() }))).toBe("CONFLICT")
      expect(catalog.isRepeated("request", 1_000)).toBe(false)
      expect((await catalog.commitPut({ ...putFact(), ...once("2") })).repeated).toBeUndefined()
      expect(catalog.isRepeated("request", 1_000)).toBe(true)
    })

    it("is forgotten after a day, a page at a time", async () => {
      const { catalog } = subject
      for (const name of ["p", "q", "r"])
        await catalog.commitPut({ ...putFact({ key: name }), once: { name, fingerprint: name } })
      expect(catalog.isRepeated("q", 1_000 + DAY - 1)).toBe(true)
      expect(catalog.isRepeated("q", 1_000 + DAY)).toBe(false)
      expect(await catalog.commitForgetRequests({ after: null, limit: 2, time: 1_000 + DAY + 1 })).toBe("q")
      expect([catalog.isRepeated("q", 2_000), catalog.isRepeated("r", 2_000)]).toEqual([false, true])
      expect(await catalog.commitForgetRequests({ after: "q", limit: 2, time: 2_000 })).toBeNull()
      expect(catalog.isRepeated("r", 2_000)).toBe(true)
      expect(
        (await catalog.commitPut({ ...putFact({ key: "p", time: 3_000 }), once: { name: "p", fingerprint: "p" } }))
          .object.version,
      ).toBe(2)
    })
  })
}
