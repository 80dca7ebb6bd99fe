/** commitPut: what a key names, what is refused, what commits at the same time do to each other. */
import { describe, expect, it } from "vitest"
import { idOf, put, putFact, refusal } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function putCases(subject: Subject): void {
  describe("put", () => {
    it("commits the object, its blob, its locations and their jobs together", async () => {
      const { catalog } = subject
      const commit = await put(catalog, {
        key: "a/b",
        content: "hello",
        backends: ["local", "remote"],
        custom: { album: "2026" },
      })
      const id = idOf("hello")
      expect(commit).toMatchObject({ isNew: true, replaced: null })
      expect(commit.sequence).toBe(1)
      expect(commit.object).toEqual({
        key: "a/b",
        id,
        version: 1,
        size: 5,
        mimeType: "text/plain",
        custom: { album: "2026" },
        state: "ACTIVE",
        created: 1_000,
        modified: 1_000,
        copies: [
          { backend: "local", key: "a/b" },
          { backend: "remote", key: "a/b" },
        ],
      })
      expect(commit.blob).toEqual({
        id,
        size: 5,
        checksums: { sha256: id.slice(7) },
        mimeType: "text/plain",
        created: 1_000,
        modified: 1_000,
        staged: true,
        lastRead: 1_000,
        references: 1,
        wanted: 2,
        synced: 0,
        checksumState: "complete",
      })
      expect(commit.locations.map((location) => location.backend)).toEqual(["local", "remote"])
      expect(commit.locations[0]).toEqual({
        backend: "local",
        key: "a/b",
        objectKey: "a/b",
        want: id,
        have: null,
        generation: 1,
        state: "pending",
        attempts: 0,
        error: null,
        verified: null,
        seen: null,
        created: 1_000,
        modified: 1_000,
      })
      expect(catalog.object("a/b")).toEqual(commit.object)
      expect(catalog.blob(id)).toEqual(commit.blob)
      expect(catalog.location("remote", "a/b")).toEqual(commit.locations[1])
      expect(catalog.due("sync-local", { now: 1_000, limit: 10 })).toEqual([
        {
          sequence: 1,
          queue: "sync-local",
          status: "due",
          dueAt: 1_000,
          payload: { kind: "sync", backend: "local", key: "a/b", generation: 1 },
          attempts: 0,
          created: 1_000,
          modified: 1_000,
          error: null,
        },
      ])
      expect(catalog.counters()).toMatchObject({
        objects: 1,
        blobs: 1,
        locations: 2,
        outbox: 2,
        parked: 0,
        journal: 1,
        bytes: 5,
      })
    })

    it("keeps what is committed when it is opened again", async () => {
      const { object, blob, locations } = await put(subject.catalog, {
        key: "a",
        attributes: { modified: 5, mode: 0o640 },
      })
      await subject.reopen()
      expect(subject.catalog.object("a")).toEqual(object)
      expect(subject.catalog.object("a")?.attributes).toEqual({ modified: 5, mode: 0o640 })
      expect(subject.catalog.blob(object.id)).toEqual(blob)
      expect(subject.catalog.location("local", "a")).toEqual(locations[0])
      expect(subject.catalog.lastSequence()).toBe(1)
    })

    it("raises the version with every commit to a key, and keeps its time of creation", async () => {
      await put(subject.catalog, { content: "1", time: 10 })
      const second = await put(subject.catalog, { content: "2", time: 20 })
      expect(second).toMatchObject({
        isNew: false,
        replaced: idOf("1"),
        object: { version: 2, created: 10, modified: 20 },
      })
    })

    it("moves a key from one blob to another: counts follow, the old blob may go", async () => {
      const { catalog } = subject
      await put(catalog, { content: "old" })
      await put(catalog, { content: "new" })
      expect(catalog.blob(idOf("new"))).toMatchObject({ references: 1, wanted: 1, synced: 0 })
      expect(catalog.blob(idOf("old"))).toMatchObject({ references: 0, wanted: 0, staged: true })
      expect((await catalog.evictable({ limit: 10 })).entries.map((entry) => entry.id)).toEqual([idOf("old")])
      expect([...catalog.keysOf(idOf("old"))]).toEqual([])
      expect([...catalog.keysOf(idOf("new"))]).toEqual(["a"])
    })

    it("refuses by ifVersion and ifAbsent, and changes nothing", async () => {
      const { catalog } = subject
      await put(catalog, { content: "1" })
      expect(await refusal(put(catalog, { content: "2", ifAbsent: true }))).toBe("CONFLICT")
      expect(await refusal(put(catalog, { content: "2", ifVersion: 2 }))).toBe("CONFLICT")
      expect(await refusal(put(catalog, { content: "2", ifVersion: 0 }))).toBe("CONFLICT")
      expect(await refusal(put(catalog, { key: "b", ifVersion: 1 }))).toBe("CONFLICT")
      expect(catalog.blob(idOf("2"))).toBeNull()
      expect(catalog.counters()).toMatchObject({ objects: 1, blobs: 1, journal: 1, outbox: 1 })
      expect((await put(catalog, { content: "2", ifVersion: 1 })).object.version).toBe(2)
      expect((await put(catalog, { key: "b", ifVersion: 0, ifAbsent: true })).object.version).toBe(1)
    })

    it("refuses keys that it cannot keep without harm to the commits beside it", async () => {
      const { catalog } = subject
      const good = put(catalog, { key: "good" })
      const bad = ["", "nul\u0000nul", "x".repeat(1_025), "é".repeat(600), "\ud800"].map((key) =>
        refusal(put(catalog, { key })),
      )
      expect(await Promise.all(bad)).toEqual([
        "INVALID_KEY",
        "INVALID_KEY",
        "INVALID_KEY",
        "INVALID_KEY",
        "INVALID_KEY",
      ])
      expect((await good).object.version).toBe(1)
      expect((await put(catalog, { key: "x".repeat(1_024) })).isNew).toBe(true)
      expect(catalog.object("x".repeat(1_024))?.version).toBe(1)
    })

    it("refuses another size for the same blob", async () => {
      await put(subject.catalog, { content: "abc" })
      expect(await refusal(put(subject.catalog, { key: "b", content: "abc", size: 4 }))).toBe("INVALID_INPUT")
    })

    it("serialises commits that are called at the same time in the order of the calls", async () => {
      const { catalog } = subject
      const commits = await Promise.all(Array.from({ length: 40 }, (_, index) => put(catalog, { content: `${index}` })))
      expect(commits.map((commit) => commit.object.version)).toEqual(
        Array.from({ length: 40 }, (_, index) => index + 1),
      )
      expect(commits.map((commit) => commit.sequence)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
      expect(catalog.object("a")?.id).toBe(idOf("39"))
    })

    it("lets one of many at once win a condition", async () => {
      const puts = Array.from({ length: 20 }, (_, index) =>
        refusal(put(subject.catalog, { content: `${index}`, ifAbsent: true })),
      )
      const answers = await Promise.all(puts)
      expect(answers[0]).toBeNull()
      expect(answers.slice(1).every((answer) => answer === "CONFLICT")).toBe(true)
      expect(subject.catalog.counters()).toMatchObject({ objects: 1, blobs: 1, journal: 1 })
    })

    it("asks once for side checksums that the blob lacks", async () => {
      const { catalog } = subject
      const first = await put(catalog, { sideChecksums: ["md5", "xxh3"] })
      expect(first.blob.checksumState).toBe("primary")
      await put(catalog, { key: "b", content: "a", sideChecksums: ["md5", "xxh3"] })
      expect(catalog.due("checksum", { now: 9_000, limit: 10 })).toMatchObject([
        { queue: "checksum", payload: { kind: "checksum", id: idOf("a") } },
      ])
      const known = await put(catalog, { key: "c", sideChecksums: ["md5"], checksums: { md5: "0".repeat(32) } })
      expect(known.blob.checksumState).toBe("complete")
    })

    it("finds a blob by any of its checksums", async () => {
      const { catalog } = subject
      const id = idOf("a")
      await put(catalog, { checksums: { sha256: id.slice(7), md5: "a".repeat(32), crc32c: "00000001" } })
      await put(catalog, { key: "b", checksums: { crc32c: "00000001" } })
      expect(catalog.findByChecksum("sha256", id.slice(7))).toBe(id)
      expect(catalog.findByChecksum("md5", "a".repeat(32))).toBe(id)
      expect([idOf("a"), idOf("b")]).toContain(catalog.findByChecksum("crc32c", "00000001"))
      expect(catalog.findByChecksum("md5", "b".repeat(32))).toBeNull()
      expect(catalog.findByChecksum("sha256", "0".repeat(64))).toBeNull()
    })

    it("keeps metadata as it is, names of prototypes and 64 KiB of it too", async () => {
      const { catalog } = subject
      const custom = JSON.parse(
        '{"__proto__":{"polluted":1},"constructor":2,"2":"b","1":"a","é\u{1f600}":[null,true,1.5]}',
      )
      await put(catalog, { custom, requestId: "r" })
      await put(catalog, { key: "large", custom: { text: "é".repeat(32_000) } })
      await subject.reopen()
      expect(JSON.stringify(subject.catalog.object("a")?.custom)).toBe(JSON.stringify(custom))
      expect(({} as { polluted?: number }).polluted).toBeUndefined()
      expect(String(subject.catalog.object("large")?.custom.text)).toHaveLength(32_000)
    })

    it("does not let callers change its rows through what it gave them", async () => {
      const { catalog } = subject
      const fact = putFact({ custom: { tags: ["x"] } })
      await catalog.commitPut(fact)
      ;(fact.custom.tags as string[]).push("y")
      const first = catalog.object("a")!
      first.version = 99
      try {
        first.copies.push({ backend: "evil", key: "a" })
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
      expect(catalog.object("a")).toMatchObject({
        version: 1,
        custom: { tags: ["x"] },
        copies: [{ backend: "local", key: "a" }],
      })
    })
  })
}
