/** commitOutcomes: what became of jobs, and how generations fence them. */
import { describe, expect, it } from "vitest"
import type { Outcome } from "../../../src/catalog/catalog.ts"
import { done, FAULT, faultsOf, idOf, park, put, retry, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

const LATE = { type: "late" as const }

export function outcomeCases(subject: Subject): void {
  describe("outcomes", () => {
    it("proves a copy: the location is synced, its job gone, the blob may be evicted", async () => {
      const { catalog } = subject
      await put(catalog)
      expect(await settle(catalog, "a", "done")).toEqual({ status: "applied", sequence: 2 })
      expect(catalog.location("local", "a")).toMatchObject({
        have: idOf("a"),
        state: "synced",
        verified: { at: 1_900, by: "checksum" },
        seen: { size: 1, modified: 1_800 },
        modified: 2_000,
      })
      expect(catalog.blob(idOf("a"))).toMatchObject({ synced: 1, modified: 2_000 })
      expect(catalog.counters()).toMatchObject({ outbox: 0, syncsCompleted: 1, pinnedEntries: 0 })
      expect(catalog.nextDue("sync-local")).toBeNull()
    })

    it("tries again later, counting the attempt or not", async () => {
      const { catalog } = subject
      await put(catalog)
      expect(await settle(catalog, "a", retry(7_000))).toEqual({ status: "applied", sequence: null })
      expect(catalog.location("local", "a")).toMatchObject({
        state: "pending",
        attempts: 1,
        error: FAULT,
        generation: 1,
      })
      expect(catalog.due("sync-local", { now: 6_999, limit: 1 })).toEqual([])
      expect(catalog.due("sync-local", { now: 7_000, limit: 1 })).toMatchObject([{ attempts: 1, error: FAULT }])
      await settle(catalog, "a", retry(8_000, false))
      expect(catalog.due("sync-local", { now: 8_000, limit: 1 })).toMatchObject([{ attempts: 1, dueAt: 8_000 }])
    })

    it("parks what is given up, and keeps it", async () => {
      const { catalog } = subject
      await put(catalog)
      expect(await settle(catalog, "a", park())).toEqual({ status: "applied", sequence: 2 })
      expect(catalog.location("local", "a")).toMatchObject({ state: "failed", attempts: 1, error: FAULT })
      expect(catalog.due("sync-local", { now: 1e12, limit: 10 })).toEqual([])
      expect([...catalog.outbox({ status: "parked" })]).toMatchObject([{ status: "parked", error: FAULT, attempts: 1 }])
      expect(catalog.counters()).toMatchObject({ outbox: 1, parked: 1, syncsFailed: 1 })
      expect(catalog.queues()).toEqual([{ queue: "sync-local", due: 0, parked: 1, oldest: null }])
    })

    it("lets what is given up wait, whatever a second worker says, until it is proven", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", park())
      expect(await settle(catalog, "a", park())).toEqual({ status: "applied", sequence: null })
      expect(await settle(catalog, "a", retry(5_000))).toEqual({ status: "applied", sequence: null })
      expect(catalog.location("local", "a")).toMatchObject({ state: "failed", attempts: 1, generation: 1 })
      expect(catalog.counters()).toMatchObject({ parked: 1, syncsFailed: 1, journal: 2 })
      expect(await settle(catalog, "a", "done")).toEqual({ status: "applied", sequence: 3 })
      expect(catalog.counters()).toMatchObject({ parked: 0, outbox: 0 })
    })

    it("does not believe an older generation, and has the location looked at", async () => {
      const { catalog } = subject
      await put(catalog, { content: "1" })
      await put(catalog, { content: "2" })
      expect(await settle(catalog, "a", done(idOf("1")), { generation: 1 })).toEqual({
        status: "stale",
        sequence: null,
      })
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending", have: null, generation: 3 })
      expect(catalog.due("sync-local", { now: 2_000, limit: 2 })).toMatchObject([
        { dueAt: 2_000, payload: { generation: 3 } },
      ])
    })

    it("takes back a proof when a job ends after its deadline, however it ends", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      expect(await settle(catalog, "a", LATE)).toEqual({ status: "stale", sequence: 3 })
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending", generation: 2 })
      expect(catalog.due("sync-local", { now: 2_000, limit: 2 })).toMatchObject([{ payload: { generation: 2 } }])
    })

    it("lets a copy whose late job ends wait for its next try, under a new generation", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", retry(7_000))
      expect(await settle(catalog, "a", LATE)).toEqual({ status: "stale", sequence: null })
      expect(catalog.due("sync-local", { now: 6_999, limit: 2 })).toEqual([])
      expect(catalog.due("sync-local", { now: 7_000, limit: 2 })).toMatchObject([
        { attempts: 1, payload: { generation: 2 } },
      ])
      await settle(catalog, "a", park())
      expect(await settle(catalog, "a", LATE)).toEqual({ status: "applied", sequence: null })
      expect(catalog.location("local", "a")).toMatchObject({ state: "failed", generation: 2 })
    })

    it("has a place cleared where a late job may have written after it was forgotten, while its backend is known", async () => {
      const { catalog } = subject
      await catalog.commitBackend({ name: "local", driver: "memory", config: {}, created: 1_000 }, {})
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 1_500 })
      await settle(catalog, "a", done(null))
      expect(catalog.location("local", "a")).toBeNull()
      expect(await settle(catalog, "a", LATE, { generation: 1 })).toEqual({ status: "stale", sequence: null })
      expect(catalog.location("local", "a")).toMatchObject({ want: null, state: "deleting", generation: 3 })
      expect(catalog.nextDue("sync-local")).toBe(2_000)
      expect(await faultsOf(catalog)).toEqual([])
      await catalog.commitBackendRemoval("local", { limit: 10, time: 3_000 })
      expect(await settle(catalog, "a", LATE, { generation: 1 })).toEqual({ status: "gone", sequence: null })
    })

    it("has a place cleared where a job proves bytes after it was forgotten, but not where it proves that there are none", async () => {
      const { catalog } = subject
      await catalog.commitBackend({ name: "local", driver: "memory", config: {}, created: 1_000 }, {})
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 1_500 })
      await settle(catalog, "a", done(null))
      expect((await settle(catalog, "a", done(null), { generation: 1 })).status).toBe("gone")
      expect(catalog.location("local", "a")).toBeNull()
      expect((await settle(catalog, "a", done(idOf("a")), { generation: 1 })).status).toBe("stale")
      expect(catalog.location("local", "a")).toMatchObject({ want: null, state: "deleting", generation: 3 })
      expect(await faultsOf(catalog)).toEqual([])
    })

    it("takes back a proof when somebody may have written after it", async () => {
      const { catalog } = subject
      await put(catalog, { content: "1" })
      await put(catalog, { content: "2" })
      await settle(catalog, "a", "done")
      expect((await settle(catalog, "a", done(idOf("1")), { generation: 1 })).status).toBe("stale")
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending" })
      expect(catalog.blob(idOf("2"))).toMatchObject({ synced: 0 })
      expect(catalog.counters().outbox).toBe(1)
      expect(await catalog.commitEvict(idOf("2"))).toBe(false)
    })

    it("does not take other bytes than the wanted ones for done", async () => {
      const { catalog } = subject
      await put(catalog, { content: "1" })
      expect((await settle(catalog, "a", done(idOf("other")))).status).toBe("stale")
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending", have: null })
    })

    it("cannot bring back what was deleted", async () => {
      const { catalog } = subject
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 2 })
      expect((await settle(catalog, "a", done(idOf("a")), { generation: 1 })).status).toBe("stale")
      expect(catalog.location("local", "a")).toMatchObject({ want: null, state: "deleting" })
      expect(catalog.object("a")).toBeNull()
    })

    it("takes the same outcome twice and counts it once", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      expect(await settle(catalog, "a", "done")).toEqual({ status: "applied", sequence: null })
      expect(catalog.counters()).toMatchObject({ syncsCompleted: 1, journal: 2 })
    })

    it("looks again where a second worker failed after the first one proved", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      expect((await settle(catalog, "a", park())).status).toBe("stale")
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending" })
      expect(catalog.counters()).toMatchObject({ outbox: 1, parked: 0, syncsFailed: 0 })
    })

    it("says gone where there is no such location", async () => {
      expect(await settle(subject.catalog, "nowhere", done(null))).toEqual({ status: "gone", sequence: null })
    })

    it("proves a delete even after it had failed", async () => {
      const { catalog } = subject
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 2 })
      await settle(catalog, "a", park())
      expect(catalog.location("local", "a")).toMatchObject({ want: null, state: "failed" })
      await settle(catalog, "a", "done")
      expect(catalog.location("local", "a")).toBeNull()
      expect(catalog.counters()).toMatchObject({ outbox: 0, parked: 0 })
    })

    it("commits many at once and answers each, in order", async () => {
      const { catalog } = subject
      await put(catalog, { key: "a" })
      await put(catalog, { key: "b" })
      const outcomes: Outcome[] = ["b", "nowhere", "a"].map((key) => ({
        kind: "sync",
        backend: "local",
        key,
        generation: 1,
        result: done(idOf(key)),
      }))
      const commits = await catalog.commitOutcomes(outcomes, 5_000)
      expect(commits).toEqual([
        { status: "applied", sequence: 3 },
        { status: "gone", sequence: null },
        { status: "applied", sequence: 4 },
      ])
    })

    it("learns side checksums, tries for them again, gives them up", async () => {
      const { catalog } = subject
      const id = idOf("a")
      await put(catalog, { sideChecksums: ["md5"] })
      await catalog.commitOutcomes(
        [{ kind: "checksum", id, result: { type: "retry", dueAt: 9_000, error: FAULT, countAttempt: true } }],
        2_000,
      )
      expect(catalog.nextDue("checksum")).toBe(9_000)
      await catalog.commitOutcomes([{ kind: "checksum", id, result: { type: "park", error: FAULT } }], 2_000)
      expect(catalog.counters().parked).toBe(1)
      const [first] = await catalog.commitOutcomes(
        [{ kind: "checksum", id, result: { type: "done", checksums: { md5: "d".repeat(32) } } }],
        2_000,
      )
      expect(first?.status).toBe("applied")
      expect(catalog.blob(id)).toMatchObject({ checksumState: "complete", checksums: { md5: "d".repeat(32) } })
      expect(catalog.findByChecksum("md5", "d".repeat(32))).toBe(id)
      expect(catalog.counters()).toMatchObject({ parked: 0, outbox: 1 })
      const [again] = await catalog.commitOutcomes(
        [{ kind: "checksum", id, result: { type: "done", checksums: {} } }],
        2_000,
      )
      expect(again?.status).toBe("gone")
    })
  })
}
