/** How far a scan has come, and the places that are to be looked at. */
import { describe, expect, it } from "vitest"
import type { ScanPage } from "../../../src/catalog/sightings.ts"
import type { ScanStep } from "../../../src/catalog/transitions/found/scan.ts"
import { FAULT, refusal } from "../catalog.facts.ts"
import { addBackend, looksAt, PHOTOS, see } from "../catalog.sightings.ts"
import type { Subject } from "../catalog.suite.ts"

export function scanCases(subject: Subject): void {
  describe("scans", () => {
    const step = (what: ScanStep, time = 1_000, hash = true) =>
      subject.catalog.commitScan({ backend: PHOTOS, step: what, hash, time, ...(what === "fail" && { error: FAULT }) })
    const page = (cursor: string, rest: Partial<ScanPage> = {}): ScanPage => ({
      number: 1,
      cursor,
      isLast: false,
      files: 2,
      bytes: 2,
      skipped: 1,
      reasons: { symlink: 1 },
      ...rest,
    })

    it("never was, is, and is done; then it says what was found and since when that holds", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      expect(catalog.scan(PHOTOS)).toMatchObject({ state: "idle", number: 0, knownAsOf: null })
      expect(await step("start")).toMatchObject({ state: "running", number: 1, hash: true, started: 1_000 })
      await see(catalog, { a: "a", b: "b" }, { page: page("b") })
      await subject.reopen()
      expect(subject.catalog.scan(PHOTOS)).toMatchObject({
        state: "running",
        cursor: "b",
        files: 2,
        added: 2,
        knownAsOf: null,
      })
      const places = { a: null, b: { content: "c", modified: 9 }, c: "c" }
      await see(subject.catalog, places, { page: page("c", { isLast: true }), time: 2_000 })
      expect(subject.catalog.scan(PHOTOS)).toMatchObject({
        ...{ state: "done", cursor: null, knownAsOf: 1_000, modified: 2_000, error: null },
        ...{ files: 4, bytes: 4, added: 3, changed: 1, missing: 1, moved: 0, skipped: 2, reasons: { symlink: 2 } },
      })
      const told = [...subject.catalog.journal({ after: 0 })].slice(-2)
      expect(told).toMatchObject([
        { command: "found", detail: { scan: 1 } },
        { command: "scan", detail: { step: "done" } },
      ])
      expect(await step("start", 5_000, false)).toMatchObject({
        ...{ state: "running", number: 2, hash: false, started: 5_000, knownAsOf: 1_000 },
        ...{ files: 0, added: 0, skipped: 0, reasons: {} },
      })
    })

    it("counts what bears the name of something else among what was passed over", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await addBackend(catalog, "mirror")
      await see(catalog, { a: "other" }, { backend: "mirror" })
      await step("start")
      await see(catalog, { a: "a" }, { page: page("a") })
      expect(catalog.scan(PHOTOS)).toMatchObject({ skipped: 2, reasons: { symlink: 1, taken: 1 }, added: 0 })
    })

    it("does not count pages of an earlier one, nor of one that was ended", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await step("start")
      await step("cancel")
      await step("start")
      await see(catalog, { a: "a" }, { page: page("a", { isLast: true }) })
      expect(catalog.scan(PHOTOS)).toMatchObject({ state: "running", number: 2, cursor: null, files: 0 })
      expect(catalog.object("photos/a")).toMatchObject({ version: 1 })
      await step("fail")
      expect(catalog.scan(PHOTOS)).toMatchObject({ state: "failed", error: FAULT })
      await see(catalog, { b: "b" }, { page: page("b", { number: 2 }) })
      expect(catalog.scan(PHOTOS)).toMatchObject({ state: "failed", files: 0, cursor: null })
      expect(catalog.object("photos/b")).toMatchObject({ version: 1 })
    })

    it("goes on from where it was paused, and a page that was on its way still counts", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await step("start")
      await step("pause")
      await see(catalog, { a: "a" }, { page: page("a") })
      expect(catalog.scan(PHOTOS)).toMatchObject({ state: "paused", cursor: "a", files: 2 })
      expect(await step("resume")).toMatchObject({ state: "running", number: 1, cursor: "a" })
      await step("pause")
      expect(await step("start", 9_000, false)).toMatchObject({
        ...{ state: "running", number: 1, cursor: "a" },
        hash: true,
        started: 1_000,
      })
    })

    it.each<[ScanStep[], Partial<Record<ScanStep, string>>]>([
      [[], { start: "running", pause: "CONFLICT", resume: "CONFLICT", cancel: "CONFLICT", fail: "CONFLICT" }],
      [["start"], { start: "running", pause: "paused", resume: "running", cancel: "cancelled", fail: "failed" }],
      [
        ["start", "pause"],
        { start: "running", pause: "paused", resume: "running", cancel: "cancelled", fail: "failed" },
      ],
      [
        ["start", "cancel"],
        { start: "running", pause: "CONFLICT", resume: "CONFLICT", cancel: "CONFLICT", fail: "CONFLICT" },
      ],
      [
        ["start", "fail"],
        { start: "running", pause: "CONFLICT", resume: "CONFLICT", cancel: "CONFLICT", fail: "CONFLICT" },
      ],
    ])("after %j", async (before, after) => {
      await addBackend(subject.catalog)
      for (const [what, expected] of Object.entries(after) as [ScanStep, string][]) {
        if (subject.catalog.scan(PHOTOS).state === "running") await step("cancel")
        // Nothing brings back a scan that was never begun, but one that has ended is as good.
        if (before.length > 0 && subject.catalog.scan(PHOTOS).state === "paused") await step("cancel")
        for (const each of before) await step(each)
        if (expected === "CONFLICT") expect(await refusal(step(what)), what).toBe("CONFLICT")
        else expect(await step(what), what).toMatchObject({ state: expected })
      }
    })

    it("journals each step once, with who asked", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await catalog.commitScan({ backend: PHOTOS, step: "start", time: 1, principal: "me" })
      await step("start")
      await step("resume")
      expect([...catalog.journal({ after: 1 })]).toMatchObject([
        { command: "scan", backend: PHOTOS, principal: "me", detail: { step: "start", number: 1 } },
      ])
      expect(await refusal(catalog.commitScan({ backend: "unknown", step: "start", time: 1 }))).toBe("NOT_FOUND")
    })

    it("keeps the places to look at in order, counted, once each", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await addBackend(catalog, "mirror")
      await see(catalog, { b: "bb" })
      await catalog.commitLooks(PHOTOS, ["c", "a", "b", "a"])
      await catalog.commitLooks("mirror", ["z"])
      await catalog.commitLooks(PHOTOS, ["c"])
      expect(looksAt(catalog)).toEqual(["a", "b", "c"])
      expect([...catalog.looks(PHOTOS, { after: "a", limit: 1 })]).toEqual(["b"])
      await subject.reopen()
      expect(subject.catalog.scan(PHOTOS)).toMatchObject({ state: "idle", looks: 3, lookBytes: 2 })
      expect(subject.catalog.counters()).toMatchObject({ looks: 4 })
      await step("start")
      expect(subject.catalog.scan(PHOTOS)).toMatchObject({ looks: 3, lookBytes: 2 })
      await see(subject.catalog, { a: null, b: "bb", c: null })
      expect(subject.catalog.scan(PHOTOS)).toMatchObject({ looks: 0, lookBytes: 0 })
      expect([looksAt(subject.catalog), looksAt(subject.catalog, "mirror")]).toEqual([[], ["z"]])
    })

    it("does not take a page, which was listed before, for the look that somebody has asked for since", async () => {
      const { catalog } = subject
      await addBackend(catalog)
      await see(catalog, { a: "a" })
      await step("start")
      await catalog.commitLooks(PHOTOS, ["a"])
      await see(catalog, { a: "a", b: "b" }, { page: page("b") })
      expect(looksAt(catalog)).toEqual(["a"])
      await see(catalog, { a: "a" })
      expect(looksAt(catalog)).toEqual([])
    })
  })
}
