/** Backends come and go. */
import { describe, expect, it } from "vitest"
import { idOf, park, put, refusal, settle } from "../catalog.facts.ts"
import type { Subject } from "../catalog.suite.ts"

export function backendCases(subject: Subject): void {
  describe("backends", () => {
    const record = (name: string) => ({ name, driver: "fs", config: { driver: "fs", root: "/x" }, created: 7_000 })

    it("remembers backends over a restart", async () => {
      await subject.catalog.commitBackend(record("b"), { principal: "me" })
      await subject.catalog.commitBackend(record("a"), {})
      await subject.reopen()
      expect(subject.catalog.backends()).toEqual([record("a"), record("b")])
      expect([...subject.catalog.journal({ after: 0, limit: 1 })]).toMatchObject([
        { command: "backend-add", backend: "b", principal: "me", time: 7_000, detail: { driver: "fs" } },
      ])
    })

    it("remembers the configuration that was kept last, with its backends", async () => {
      expect(subject.catalog.configuration()).toBeNull()
      const first = { settings: { checksums: ["blake3"] }, named: ["a"], left: [] }
      await subject.catalog.commitConfiguration(first, [record("a")])
      const second = { settings: {}, named: ["b"], left: ["a"] }
      await subject.catalog.commitConfiguration(second, [record("b")])
      await subject.reopen()
      expect(subject.catalog.configuration()).toEqual(second)
      expect(subject.catalog.backends()).toEqual([record("a"), record("b")])
      expect([...subject.catalog.journal({ after: 0 })].map(({ command, backend }) => [command, backend])).toEqual([
        ["backend-add", "a"],
        ["backend-add", "b"],
      ])
    })

    it("keeps a paused backend paused over restarts and new settings, until it is resumed", async () => {
      const pause = (paused: boolean) =>
        subject.catalog.commitPause({ backend: "a", paused, time: 8_000, principal: "me" })
      expect(await pause(true)).toBe(false)
      await subject.catalog.commitBackend(record("a"), {})
      expect(await pause(true)).toBe(true)
      await subject.reopen()
      await subject.catalog.commitConfiguration({ settings: {}, named: ["a"], left: [] }, [
        { ...record("a"), config: { driver: "fs", root: "/y" } },
      ])
      expect(subject.catalog.backends()).toEqual([
        { ...record("a"), config: { driver: "fs", root: "/y" }, paused: 8_000 },
      ])
      expect([await pause(false), await pause(false)]).toEqual([true, true])
      expect(subject.catalog.backends()[0]).not.toHaveProperty("paused")
      expect([...subject.catalog.journal({ after: 1 })].map(({ command, principal }) => [command, principal])).toEqual([
        ["backend-pause", "me"],
        ["backend-change", null],
        ["backend-resume", "me"],
      ])
    })

    it("keeps which place a backend is over restarts and new settings, without a journal record, and not for another driver", async () => {
      const { catalog } = subject
      const identity = { marker: "x" }
      expect(await catalog.commitIdentity({ backend: "a", identity })).toBe(false)
      await catalog.commitBackend(record("a"), {})
      const sequence = catalog.lastSequence()
      expect(await catalog.commitIdentity({ backend: "a", identity })).toBe(true)
      expect(catalog.lastSequence()).toBe(sequence)
      await subject.reopen()
      expect(subject.catalog.backends()).toEqual([{ ...record("a"), identity }])
      await subject.catalog.commitBackend({ ...record("a"), config: { driver: "fs", root: "/y" } }, {})
      expect(subject.catalog.backends()).toMatchObject([{ config: { root: "/y" }, identity }])
      await subject.catalog.commitBackend({ ...record("a"), identity: { marker: "y" } }, {})
      expect(subject.catalog.backends()).toEqual([{ ...record("a"), identity: { marker: "y" } }])
      await subject.catalog.commitBackend({ ...record("a"), driver: "memory" }, {})
      expect(subject.catalog.backends()[0]).not.toHaveProperty("identity")
    })

    it("refuses a name that cannot be kept", async () => {
      expect(await refusal(subject.catalog.commitBackend(record("a\u0000b"), {}))).toBe("INVALID_KEY")
    })

    it("forgets a backend in steps: its locations, its jobs, its place in objects", async () => {
      const { catalog } = subject
      await catalog.commitBackend(record("old"), {})
      const keys = ["a", "b", "c", "d", "e"]
      for (const key of keys) await put(catalog, { key, backends: ["old", "new"] })
      await settle(catalog, "a", "done", { backend: "old" })
      await settle(catalog, "b", park(), { backend: "old" })
      await catalog.commitDelete({ key: "c", time: 3_000 })
      const remove = () => catalog.commitBackendRemoval("old", { limit: 2, time: 9_000, principal: "me" })
      expect(await remove()).toEqual({ removed: 2, done: false })
      expect(await remove()).toEqual({ removed: 2, done: false })
      expect(catalog.backends()).toHaveLength(1)
      expect(await remove()).toEqual({ removed: 1, done: true })
      expect(catalog.backends()).toEqual([])
      expect([...catalog.locations("old")]).toEqual([])
      expect(catalog.queues().map((queue) => queue.queue)).toEqual(["sync-new"])
      expect(catalog.object("a")?.copies).toEqual([{ backend: "new", key: "a" }])
      expect(catalog.blob(idOf("a"))).toMatchObject({ references: 1, wanted: 1, synced: 0 })
      const removals = [...catalog.journal({ after: 0 })].filter((entry) => entry.command === "backend-remove")
      expect(removals).toMatchObject([{ backend: "old", principal: "me", time: 9_000 }])
    })

    it("does not believe workers of a backend's earlier life", async () => {
      const { catalog } = subject
      await put(catalog)
      await put(catalog, { content: "2" })
      await catalog.commitBackendRemoval("local", { limit: 10, time: 2 })
      const again = await put(catalog, { content: "3" })
      expect(again.locations[0]?.generation).toBe(3)
    })
  })
}
