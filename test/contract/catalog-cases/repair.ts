/** Drift, staged bytes that are bad, parked jobs put back to work. */
import { describe, expect, it } from "vitest"
import { idOf, park, put, refusal, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function repairCases(subject: Subject): void {
  describe("repair", () => {
    const drift = (key: string, state: "missing" | "corrupt", repair: boolean, backend = "local") =>
      subject.catalog.commitDrift({ backend, key, state, repair, time: 4_000 })

    it("makes a copy that is missing due again", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      await drift("a", "missing", true)
      expect(catalog.location("local", "a")).toMatchObject({ state: "missing", have: null, generation: 2, attempts: 0 })
      expect(catalog.blob(idOf("a"))).toMatchObject({ synced: 0 })
      expect(catalog.due("sync-local", { now: 4_000, limit: 10 })).toMatchObject([{ payload: { generation: 2 } }])
      await settle(catalog, "a", "done")
      expect(catalog.location("local", "a")).toMatchObject({ state: "synced" })
    })

    it("parks what cannot be repaired, so that people see it", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      await drift("a", "corrupt", false)
      expect(catalog.location("local", "a")).toMatchObject({ state: "corrupt", error: { code: "CORRUPT" } })
      expect(catalog.due("sync-local", { now: 1e12, limit: 10 })).toEqual([])
      expect(catalog.counters()).toMatchObject({ outbox: 1, parked: 1 })
    })

    it("refuses drift of what it does not know, and ignores that of what is on its way out", async () => {
      const { catalog } = subject
      expect(await refusal(drift("nowhere", "missing", true))).toBe("NOT_FOUND")
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 2 })
      await drift("a", "missing", true)
      expect(catalog.location("local", "a")).toMatchObject({ state: "deleting", generation: 2 })
    })

    it("marks objects whose bytes are nowhere, and unmarks them when they come back", async () => {
      const { catalog } = subject
      await put(catalog, { key: "a", content: "same" })
      await put(catalog, { key: "b", content: "same" })
      await catalog.commitCorrupt(idOf("same"), { found: "corrupt" }, 5_000)
      expect(catalog.blob(idOf("same"))).toMatchObject({ staged: false })
      expect(catalog.object("a")?.state).toBe("MISSING")
      expect(catalog.object("b")?.state).toBe("MISSING")
      expect(await catalog.commitStaged(idOf("same"), 6_000)).toBe(true)
      expect(catalog.object("a")?.state).toBe("ACTIVE")
      expect(catalog.object("b")?.state).toBe("ACTIVE")
      expect(catalog.blob(idOf("same"))).toMatchObject({ staged: true, lastRead: 6_000 })
    })

    it("keeps objects active while a copy is proven, and marks them when that goes too", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      await catalog.commitCorrupt(idOf("a"), {}, 5_000)
      expect(catalog.object("a")?.state).toBe("ACTIVE")
      await drift("a", "missing", false)
      expect(catalog.object("a")?.state).toBe("MISSING")
      await put(catalog)
      expect(catalog.object("a")?.state).toBe("ACTIVE")
    })

    it("knows when there is no such blob any more", async () => {
      const { catalog } = subject
      expect(await catalog.commitStaged(idOf("nothing"), 1)).toBe(false)
      await catalog.commitCorrupt(idOf("nothing"), {}, 1)
      expect(catalog.lastSequence()).toBe(0)
    })

    it("journals nothing where staging did not change", async () => {
      const { catalog } = subject
      await put(catalog)
      expect(await catalog.commitStaged(idOf("a"), 9_000)).toBe(true)
      expect(catalog.lastSequence()).toBe(1)
      await catalog.commitCorrupt(idOf("a"), {}, 9_000)
      await catalog.commitCorrupt(idOf("a"), {}, 9_000)
      expect(catalog.lastSequence()).toBe(2)
    })

    it("puts parked jobs back to work, under a new generation, with all their tries", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", park())
      expect(await catalog.commitRetry({ limit: 10, time: 8_000 })).toBe(1)
      expect(catalog.location("local", "a")).toMatchObject({
        state: "pending",
        generation: 2,
        attempts: 0,
        error: null,
      })
      expect(catalog.due("sync-local", { now: 8_000, limit: 10 })).toMatchObject([
        { attempts: 0, payload: { generation: 2 } },
      ])
      expect(await catalog.commitRetry({ limit: 10, time: 8_000 })).toBe(0)
    })

    it("retries by backend, key, time and number, sync and checksum jobs", async () => {
      const { catalog } = subject
      for (const key of ["a", "b", "c"]) {
        await put(catalog, { key, backends: ["local", "remote"] })
        await settle(catalog, key, park(), { time: 1_000 })
        await settle(catalog, key, park(), { backend: "remote", time: 5_000 })
      }
      await put(catalog, { key: "d", backends: [], sideChecksums: ["md5"] })
      const error = { code: "INTERNAL" as const, message: "broken", retryable: false }
      await catalog.commitOutcomes([{ kind: "checksum", id: idOf("d"), result: { type: "park", error } }], 9_000)
      expect(catalog.counters().parked).toBe(7)
      expect(await catalog.commitRetry({ backend: "local", key: "b", limit: 10, time: 6_000 })).toBe(1)
      expect(await catalog.commitRetry({ before: 1_001, limit: 10, time: 6_000 })).toBe(2)
      expect(await catalog.commitRetry({ before: 5_000, limit: 10, time: 6_000 })).toBe(0)
      expect(await catalog.commitRetry({ backend: "remote", limit: 2, time: 6_000 })).toBe(2)
      expect(await catalog.commitRetry({ limit: 10, time: 6_000, principal: "me" })).toBe(2)
      expect(catalog.counters().parked).toBe(0)
      expect(catalog.nextDue("checksum")).toBe(6_000)
      expect([...catalog.journal({ after: 0 })].at(-1)).toMatchObject({ command: "retry", principal: "me" })
    })

    it("retries a delete that was given up", async () => {
      const { catalog } = subject
      await put(catalog)
      await catalog.commitDelete({ key: "a", time: 2 })
      await settle(catalog, "a", park())
      expect(await catalog.commitRetry({ key: "a", limit: 10, time: 8_000 })).toBe(1)
      expect(catalog.location("local", "a")).toMatchObject({ state: "deleting", want: null })
    })
  })
}
