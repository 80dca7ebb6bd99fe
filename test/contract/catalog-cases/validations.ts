/** How far validations have come, and what they make of copies. */
import { describe, expect, it } from "vitest"
import type { LocationRecord } from "../../../src/catalog/record.ts"
import type { CopyVerdict, ValidatedFact, ValidationStep } from "../../../src/catalog/validation.ts"
import { STAGING_PLACE, type ValidationKind } from "../../../src/catalog/validation-record.ts"
import { FAULT, idOf, put, refusal, settle } from "../catalog.facts.ts"
import { addBackend, looksAt, PHOTOS, see } from "../catalog.sightings.ts"
import type { Subject } from "../catalog.suite.ts"

const BEGIN = { sample: 0.5, seed: "seed", prefix: "", rate: 1_000 }
const SEEN = { size: 1, modified: 7, etag: "now" }
const GOOD: CopyVerdict = { type: "good", by: "read-back", seen: SEEN }
const bad = (mend = true): CopyVerdict => ({ type: "corrupt", seen: SEEN, kept: mend ? "kept" : null, mend })

export function validationCases(subject: Subject): void {
  describe("validations", () => {
    const step = (
      what: ValidationStep,
      { place = PHOTOS, kind = "asked" as ValidationKind, time = 1_000, begin = BEGIN } = {},
    ) =>
      subject.catalog.validations.step({
        place,
        kind,
        step: what,
        begin,
        time,
        ...(what === "fail" && { error: FAULT }),
      })
    const tell = (verdicts: Record<string, CopyVerdict>, rest: Partial<ValidatedFact> = {}) =>
      subject.catalog.validations.take({
        place: PHOTOS,
        kind: "asked",
        number: subject.catalog.validations.get(PHOTOS, "asked").number,
        copies: Object.entries(verdicts).map(([key, verdict]) => ({
          key,
          generation: subject.catalog.location(PHOTOS, key)?.generation ?? 0,
          bytes: 1,
          verdict,
        })),
        time: 3_000,
        ...rest,
      })
    const at = (key: string): LocationRecord => subject.catalog.location(PHOTOS, key)!
    /** Put to `photos` and `mirror`, and proven there. */
    const putProven = async (key: string): Promise<void> => {
      await put(subject.catalog, { key, backends: [PHOTOS, "mirror"] })
      for (const backend of [PHOTOS, "mirror"]) await settle(subject.catalog, key, "done", { backend })
    }
    const open = async (mode?: "observe" | "enforce"): Promise<void> => {
      await addBackend(subject.catalog, PHOTOS, mode)
      await addBackend(subject.catalog, "mirror")
    }

    it("never was, is, and is done; then it says since when all copies are known to be good", async () => {
      await open()
      await putProven("a")
      await putProven("b")
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({
        state: "idle",
        number: 0,
        validAsOf: null,
      })
      const whole = { ...BEGIN, sample: 1 }
      expect(await step("start", { begin: whole })).toMatchObject({
        ...{ state: "running", number: 1, ...whole, started: 1_000, plan: null },
      })
      const plan = { copies: 2, bytes: 2, chosen: 2, chosenBytes: 2 }
      await tell({}, { plan })
      await tell({ a: GOOD }, { cursor: "a" })
      await subject.reopen()
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({
        ...{ state: "running", cursor: "a", copies: 1, bytes: 1, good: 1, plan, validAsOf: null },
      })
      expect(subject.catalog.validations.get(PHOTOS, "rolling")).toMatchObject({ state: "idle", number: 0 })
      const { sequence } = await tell({ b: GOOD }, { cursor: "b", isLast: true })
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({
        ...{ state: "done", cursor: null, copies: 2, good: 2, validAsOf: 1_000, modified: 3_000 },
      })
      expect([...subject.catalog.journal({ after: sequence - 1 })]).toMatchObject([
        { command: "validate", backend: PHOTOS, detail: { step: "done", number: 1, kind: "asked", corrupt: 0 } },
      ])
      expect(await step("start", { time: 5_000 })).toMatchObject({
        ...{ state: "running", number: 2, started: 5_000, copies: 0, good: 0, plan: null, validAsOf: 1_000 },
      })
    })

    it.each([
      ["a sample", { ...BEGIN, sample: 0.5 }],
      ["a prefix", { ...BEGIN, sample: 1, prefix: "a" }],
    ])("%s says nothing of all copies", async (_name, begin) => {
      await open()
      await step("start", { begin })
      await tell({}, { isLast: true })
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({ state: "done", validAsOf: null })
    })

    it.each<[ValidationStep[], Partial<Record<ValidationStep, string>>]>([
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
      // Each at a place of its own, so that nothing is left of the one before.
      for (const [what, expected] of Object.entries(after) as [ValidationStep, string][]) {
        await addBackend(subject.catalog, what)
        for (const each of before) await step(each, { place: what })
        if (expected === "CONFLICT") expect(await refusal(step(what, { place: what })), what).toBe("CONFLICT")
        else expect(await step(what, { place: what }), what).toMatchObject({ state: expected })
      }
    })

    it("goes on from where it was paused, at what it was begun with, and journals each step once", async () => {
      await open()
      const { lastSequence } = { lastSequence: subject.catalog.lastSequence() }
      await step("start")
      await step("start")
      await step("pause")
      await tell({}, { cursor: "a" })
      expect(await step("start", { begin: { ...BEGIN, sample: 1 }, time: 9_000 })).toMatchObject({
        ...{ state: "running", number: 1, sample: 0.5, cursor: "a", started: 1_000 },
      })
      const steps = [...subject.catalog.journal({ after: lastSequence })].map(({ detail }) => detail.step)
      expect(steps).toEqual(["start", "pause", "start"])
    })

    it("does not count what was read for an earlier one, or one that has ended", async () => {
      await open()
      await putProven("a")
      await step("start")
      await step("cancel")
      await step("start")
      await tell({ a: GOOD }, { number: 1, cursor: "a", isLast: true })
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({
        state: "running",
        number: 2,
        copies: 0,
        cursor: null,
      })
      expect(at("a").verified).toEqual({ at: 3_000, by: "read-back" })
      await step("fail")
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({ state: "failed", error: FAULT })
      await tell({ a: GOOD }, { cursor: "a" })
      expect(subject.catalog.validations.get(PHOTOS, "asked")).toMatchObject({ state: "failed", copies: 0 })
    })

    it("is one of each kind at each place, and goes with its backend", async () => {
      await open()
      await step("start")
      await step("start", { kind: "rolling", time: 2_000 })
      await step("start", { place: STAGING_PLACE, time: 3_000 })
      await subject.catalog.validations.take({
        place: STAGING_PLACE,
        kind: "asked",
        number: 1,
        counts: { copies: 3, corrupt: 1 },
        time: 4_000,
      })
      expect(subject.catalog.validations.get(PHOTOS, "rolling")).toMatchObject({ number: 1, started: 2_000 })
      expect(subject.catalog.validations.get(STAGING_PLACE, "asked")).toMatchObject({ copies: 3, corrupt: 1 })
      expect([...subject.catalog.journal({ after: 0 })].at(-1)).toMatchObject({ command: "validate", backend: null })
      expect(await refusal(step("start", { place: "unknown" }))).toBe("NOT_FOUND")
      await subject.catalog.commitBackendRemoval(PHOTOS, { limit: 10, time: 5_000 })
      expect(await refusal(tell({}, { cursor: "a" }))).toBe("NOT_FOUND")
      await addBackend(subject.catalog)
      for (const kind of ["asked", "rolling"] as const)
        expect(subject.catalog.validations.get(PHOTOS, kind)).toMatchObject({ state: "idle", number: 0 })
    })

    it("a good copy has a new proof, and nothing else changes", async () => {
      await open()
      await putProven("a")
      const before = { at: at("a"), blob: subject.catalog.blob(idOf("a")), sequence: subject.catalog.lastSequence() }
      expect(await tell({ a: GOOD })).toMatchObject({ facts: [], nudge: false, looks: false })
      expect(at("a")).toEqual({ ...before.at, verified: { at: 3_000, by: "read-back" }, seen: SEEN })
      expect(subject.catalog.blob(idOf("a"))).toEqual(before.blob)
      expect(subject.catalog.lastSequence()).toBe(before.sequence)
    })

    it("a bad copy of ours whose bytes are kept is due, and is told of with where they lie", async () => {
      await open()
      await putProven("a")
      await step("start")
      const after = subject.catalog.lastSequence()
      const commit = await tell({ a: bad() })
      expect(commit).toMatchObject({
        facts: [{ command: "drift", key: "a", id: idOf("a"), detail: { state: "corrupt" } }],
        ...{ nudge: true, record: { corrupt: 1, kept: 1, healing: 1, good: 0 } },
      })
      expect(at("a")).toMatchObject({ state: "corrupt", have: null, error: null })
      expect(subject.catalog.due(`sync-${PHOTOS}`, { now: 3_000, limit: 10 })).toHaveLength(1)
      expect([...subject.catalog.journal({ after })]).toMatchObject([
        { command: "drift", detail: { repair: true } },
        { command: "quarantine", key: "a", backend: PHOTOS, detail: { copy: "a", kept: "kept" } },
      ])
      await settle(subject.catalog, "a", "done", { backend: PHOTOS, time: 4_000 })
      expect(at("a")).toMatchObject({ state: "synced" })
    })

    it("it waits for people where its bytes could not be kept, or nothing can feed it", async () => {
      await open()
      await putProven("a")
      await putProven("b")
      await subject.catalog.commitEvict(idOf("b"))
      await subject.catalog.commitDrift({ backend: "mirror", key: "b", state: "missing", repair: false, time: 2_500 })
      const commit = await tell({ a: bad(false), b: bad() })
      expect(commit).toMatchObject({ nudge: false })
      expect(at("a")).toMatchObject({
        state: "corrupt",
        error: { code: "CORRUPT", message: expect.stringMatching(/could not be kept/) as string },
      })
      expect(at("b")).toMatchObject({
        state: "corrupt",
        error: { message: expect.stringMatching(/no other copy/) as string },
      })
      expect(subject.catalog.due(`sync-${PHOTOS}`, { now: 9_000, limit: 10 })).toEqual([])
      expect(await subject.catalog.commitRetry({ backend: PHOTOS, key: "a", limit: 10, time: 4_000 })).toBe(1)
      // What lies there is still known to be bad: nobody is to take it for what is wanted.
      expect(at("a")).toMatchObject({ state: "corrupt", error: null })
      expect(subject.catalog.due(`sync-${PHOTOS}`, { now: 9_000, limit: 10 })).toHaveLength(1)
    })

    it.each(["observe", "enforce"] as const)("a found file that has gone bad, mode %s", async (mode) => {
      await open(mode)
      await see(subject.catalog, { a: { content: "a", etag: "now", modified: 7 } })
      await put(subject.catalog, { key: "twin", content: "a", backends: ["mirror"] })
      const commit = await tell({ a: bad() })
      const isLeft = mode === "observe"
      expect(commit).toMatchObject({
        nudge: !isLeft,
        facts: [{ command: "drift", detail: { state: "corrupt", repair: !isLeft } }],
      })
      expect(at("a")).toMatchObject({
        state: "corrupt",
        found: true,
        ...(isLeft && { seen: SEEN, error: { code: "CORRUPT" } }),
      })
      expect(subject.catalog.due(`sync-${PHOTOS}`, { now: 3_000, limit: 10 })).toHaveLength(isLeft ? 0 : 1)
      expect(subject.catalog.object("photos/a")).toMatchObject({ version: 1 })
    })

    it("a missing copy is due, or left to people as a look would have it", async () => {
      await open()
      await putProven("ours")
      await see(subject.catalog, { found: "found" })
      const commit = await tell({ ours: { type: "missing" }, found: { type: "missing" } })
      expect(commit).toMatchObject({ nudge: true, looks: true, facts: [{ key: "ours" }, { key: "photos/found" }] })
      expect(at("ours")).toMatchObject({ state: "missing", error: null })
      expect(at("found")).toMatchObject({ state: "missing", error: { code: "NOT_FOUND" } })
      expect(subject.catalog.object("photos/found")).toMatchObject({ state: "MISSING" })
    })

    it("what was touched is to be looked at; what could not be read stays as it was", async () => {
      await open()
      await see(subject.catalog, { a: "a", b: "b" })
      const before = at("b")
      await step("start")
      const commit = await tell({ a: { type: "changed", size: 5 }, b: { type: "unreadable" } })
      expect(commit).toMatchObject({ looks: true, facts: [], record: { changed: 1, unreadable: 1, copies: 2 } })
      expect(looksAt(subject.catalog)).toEqual(["a"])
      expect([at("a").state, at("b")]).toEqual(["synced", before])
    })

    it("what has moved on since it was read is passed over", async () => {
      await open()
      for (const key of ["rewritten", "lost", "deleted"]) await putProven(key)
      const read = ["rewritten", "lost", "deleted", "never"].map((key) => ({
        ...{ key, generation: subject.catalog.location(PHOTOS, key)?.generation ?? 1, bytes: 1, verdict: bad() },
      }))
      await put(subject.catalog, { key: "rewritten", content: "other", backends: [PHOTOS] })
      await settle(subject.catalog, "rewritten", "done", { backend: PHOTOS })
      await subject.catalog.commitDrift({ backend: PHOTOS, key: "lost", state: "missing", repair: true, time: 2_500 })
      await subject.catalog.commitDelete({ key: "deleted", time: 2_500 })
      await step("start")
      const before = subject.catalog.lastSequence()
      const commit = await tell({}, { copies: read })
      expect(commit).toMatchObject({
        facts: [],
        nudge: false,
        record: { copies: 4, passed: 4, corrupt: 0, kept: 0, healing: 0 },
      })
      expect(subject.catalog.lastSequence()).toBe(before)
      expect(at("rewritten")).toMatchObject({ state: "synced", want: idOf("other") })
    })
  })
}
