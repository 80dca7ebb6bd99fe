/** commitPut at the places of the copies: what is wanted there anew, what stays proven, whose place it is. */
import { describe, expect, it } from "vitest"
import { done, idOf, park, put, refusal, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function putPlaceCases(subject: Subject): void {
  describe("put", () => {
    it("gives a changed want a new generation and one job, due now, with all its tries", async () => {
      const { catalog } = subject
      await put(catalog, { content: "1" })
      await settle(catalog, "a", { type: "park", error: { code: "BACKEND_FULL", message: "full", retryable: false } })
      await put(catalog, { content: "2", time: 5_000 })
      expect(catalog.location("local", "a")).toMatchObject({
        want: idOf("2"),
        generation: 2,
        state: "pending",
        attempts: 0,
        error: null,
      })
      expect(catalog.due("sync-local", { now: 5_000, limit: 10 })).toMatchObject([
        { status: "due", attempts: 0, payload: { generation: 2 }, error: null },
      ])
      expect(catalog.counters()).toMatchObject({ outbox: 1, parked: 0 })
    })

    it("leaves a proven copy of the same bytes proven, without a job", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", "done")
      const before = catalog.location("local", "a")
      const again = await put(catalog, { time: 9_000, custom: { n: 2 } })
      expect(again).toMatchObject({ isNew: false, object: { version: 2, custom: { n: 2 } } })
      expect(catalog.location("local", "a")).toEqual(before)
      expect(catalog.counters().outbox).toBe(0)
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 1, wanted: 1, synced: 1 })
    })

    it("does not take what it saw at a place long ago for a proof", async () => {
      const { catalog } = subject
      await put(catalog, { content: "1" })
      await settle(catalog, "a", "done")
      await put(catalog, { content: "2" })
      expect(catalog.location("local", "a")).toMatchObject({ have: idOf("1"), verified: null, state: "pending" })
      await put(catalog, { content: "1" })
      await put(catalog, { content: "1", time: 7_000 })
      expect(catalog.location("local", "a")).toMatchObject({ have: idOf("1"), generation: 3, state: "pending" })
      expect(catalog.blob(idOf("1"))).toMatchObject({ synced: 0, lastRead: 7_000 })
      expect(catalog.nextDue("sync-local")).toBe(7_000)
    })

    it("hurries an unproven copy of the same bytes, and lets work that is under way count", async () => {
      const { catalog } = subject
      await put(catalog)
      await settle(catalog, "a", {
        type: "retry",
        dueAt: 90_000,
        error: { code: "TIMEOUT", message: "late", retryable: true },
        countAttempt: true,
      })
      await put(catalog, { time: 3_000 })
      expect(catalog.location("local", "a")).toMatchObject({ generation: 1, attempts: 0, error: null })
      expect(catalog.nextDue("sync-local")).toBe(3_000)
      expect((await settle(catalog, "a", "done", { generation: 1 })).status).toBe("applied")
    })

    it("gives an unproven copy a new generation where its bytes were not staged: a job may have missed them", async () => {
      const { catalog } = subject
      const fence = { backend: "local", key: "a" }
      await put(catalog, { key: "a", content: "hello", backends: ["local"] })
      await catalog.commitOutcomes([{ kind: "sync", ...fence, generation: 1, result: done(idOf("hello")) }], 2_000)
      expect(await catalog.commitEvict(idOf("hello"))).toBe(true)
      // A stale job's word makes the copy doubtful again while no bytes are staged.
      await catalog.commitOutcomes([{ kind: "sync", ...fence, generation: 1, result: park() }], 3_000)
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending", generation: 2 })
      await put(catalog, { key: "a", content: "hello", backends: ["local"] })
      expect(catalog.location("local", "a")).toMatchObject({ state: "pending", generation: 3 })
    })

    it("wants nothing any more at places that are not named again", async () => {
      const { catalog } = subject
      await put(catalog, { backends: ["local", "remote"] })
      const commit = await put(catalog, { backends: ["remote"], time: 2_000 })
      expect(catalog.location("local", "a")).toMatchObject({ want: null, state: "deleting", generation: 2 })
      expect(commit.locations.map(({ backend, want }) => [backend, want !== null])).toEqual([
        ["remote", true],
        ["local", false],
      ])
      expect(commit.blob).toMatchObject({ wanted: 1 })
    })

    it("refuses a place that serves another object, and gives it once that is gone", async () => {
      const { catalog } = subject
      const copies = [{ backend: "local", key: "shared" }]
      await put(catalog, { key: "a", copies })
      for (const content of ["2", "a"])
        expect(await refusal(put(catalog, { key: "b", content, copies }))).toBe("CONFLICT")
      expect(catalog.object("b")).toBeNull()
      expect(catalog.location("local", "shared")).toMatchObject({ objectKey: "a", want: idOf("a") })
      await put(catalog, { key: "a", backends: ["remote"] })
      await put(catalog, { key: "b", copies })
      expect(catalog.location("local", "shared")).toMatchObject({ objectKey: "b", want: idOf("b") })
      await catalog.commitDelete({ key: "a", time: 3_000 })
      expect(catalog.location("local", "shared")).toMatchObject({ want: idOf("b"), state: "pending" })
    })
  })
}
