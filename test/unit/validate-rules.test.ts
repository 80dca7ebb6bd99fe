/** What validations go by: settings, pace, samples, verdicts. */
import { describe, expect, it } from "vitest"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { parseReadRate, parseSample, validateRules, validateSchema } from "../../src/core/validate-settings.ts"
import { isLate, openShare, paceOf } from "../../src/store/validate/pace.ts"
import { isChosen, randomSeed } from "../../src/store/validate/sample.ts"
import { type CopyRead, verdictOf } from "../../src/store/validate/verdict.ts"
import { idOf } from "../contract/catalog.facts.ts"

const DAY = 86_400_000
const MIB = 2 ** 20

describe("settings", () => {
  it.each([
    ["1%", 0.01],
    ["100 %", 1],
    ["0.5", 0.5],
    [0.25, 0.25],
    ["0%", null],
    ["101%", null],
    ["1.5", null],
    ["-1%", null],
    ["all", null],
  ])("a share %s is %s", (text, share) => expect(parseSample(text)).toBe(share))

  it.each([
    ["20MB", 20e6],
    ["20MiB/s", 20 * MIB],
    ["0", null],
    ["fast", null],
  ])("a rate %s is %s", (text, rate) => expect(parseReadRate(text)).toBe(rate))

  it("what is local is read again within 30 days, other backends when that is said", () => {
    const usual = { mode: "observe", every: 30 * DAY, rate: null, between: null, sample: 1 }
    expect(validateRules({}, { local: true })).toEqual(usual)
    expect(validateRules({}, { local: false })).toEqual({ ...usual, every: null })
    expect(validateRules({ validate: { rate: "1MB" } }, { local: false })).toEqual({ ...usual, rate: 1e6 })
    expect(validateRules({ validate: { every: "off" } }, { local: true })).toEqual({ ...usual, every: null })
    const all = { every: "7d", rate: "20MB", between: "01:00-05:00", sample: "10%" }
    expect(validateRules({ mode: "enforce", validate: all }, { local: true })).toEqual({
      ...{ mode: "enforce", every: 7 * DAY, rate: 20e6, between: { from: 60, to: 300 }, sample: 0.1 },
    })
  })

  it.each([[{ every: "often" }], [{ rate: "fast" }], [{ between: "night" }], [{ sample: "0%" }], [{ hash: true }]])(
    "%j is refused",
    (settings) => expect(validateSchema.safeParse(settings).success).toBe(false),
  )
})

describe("pace", () => {
  const rules = { every: 30 * DAY, rate: null, between: null }
  const TIB = 2 ** 40

  it("is twice what the time asks for, more where only a part of the day is open, and never very little", () => {
    expect(paceOf(rules, 100 * TIB)).toBe(Math.ceil((200 * TIB) / (30 * 86_400)))
    const night = { ...rules, between: { from: 22 * 60, to: 4 * 60 } }
    expect(openShare(night)).toBe(0.25)
    expect(paceOf(night, 100 * TIB)).toBe(Math.ceil((800 * TIB) / (30 * 86_400)))
    expect(paceOf(rules, 1)).toBe(4 * MIB)
    expect(paceOf({ ...rules, rate: 5 }, 100 * TIB)).toBe(5)
    expect(paceOf({ ...rules, every: null }, 1)).toBeNull()
  })

  it("is late where what is left takes longer than there is", () => {
    const plan = { copies: 1, bytes: 0, chosen: 1, chosenBytes: 100 * MIB }
    const at = (bytes: number, state: "running" | "done" = "running") => ({ state, started: 0, plan, bytes })
    const slow = { ...rules, rate: MIB }
    expect(isLate(slow, at(0), 30 * DAY - 101_000)).toBe(false)
    expect(isLate(slow, at(0), 30 * DAY - 99_000)).toBe(true)
    expect(isLate(slow, at(50 * MIB), 30 * DAY - 99_000)).toBe(false)
    expect(isLate(slow, at(0, "done"), 31 * DAY)).toBe(false)
    expect(isLate({ ...slow, every: null }, at(0), 31 * DAY)).toBe(false)
  })
})

it("a sample is about its share of all, and differs by its seed", () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `key ${index}`)
  const chosen = (seed: string, sample = 0.1) => keys.filter((key) => isChosen(key, { sample, seed }))
  const [one, two] = [chosen("one"), chosen("two")]
  for (const { length } of [one, two]) expect(Math.abs(length - 1_000)).toBeLessThan(150)
  expect(one).toEqual(chosen("one"))
  // Independent of each other: a hundredth is in both.
  expect(one.filter((key) => two.includes(key)).length).toBeLessThan(200)
  expect(chosen("one", 1)).toHaveLength(10_000)
  expect(randomSeed()).not.toBe(randomSeed())
})

describe("a verdict", () => {
  const SEEN = { size: 4, modified: 1, etag: "seen" }
  const OTHER = { size: 4, modified: 2, etag: "other" }
  const read = (content: string, state = SEEN): CopyRead => ({
    ...{ type: "read", by: "checksum", hex: idOf(content).slice(7), state, bytes: 4 },
  })
  const eio = new TransientAdapterError("It cannot be read.", { details: { system: "EIO" } })
  const denied = new StoredError("PERMISSION_DENIED", "Not you.")
  const corrupt = (mend: boolean, seen = SEEN) => ({ type: "corrupt", seen, kept: null, mend })
  const changed = { type: "changed", size: 4 }
  const copy = { id: idOf("good"), seen: SEEN, size: 4 }

  it.each<[string, CopyRead, ours: unknown, found: unknown]>([
    [
      "right bytes",
      read("good"),
      { type: "good", by: "checksum", seen: SEEN },
      { type: "good", by: "checksum", seen: SEEN },
    ],
    ["right bytes, touched", read("good", OTHER), { type: "good", seen: OTHER }, { type: "good", seen: OTHER }],
    ["other bytes, as it was", read("rot!"), corrupt(true), corrupt(false)],
    ["other bytes, touched", read("edit", OTHER), corrupt(true, OTHER), changed],
    ["gone", { type: "absent" }, { type: "missing" }, { type: "missing" }],
    ["written to", { type: "moving", size: 4 }, changed, changed],
    ["a bad block", { type: "unreadable", error: eio }, corrupt(true), corrupt(false)],
    ["not allowed", { type: "unreadable", error: denied }, { type: "unreadable" }, { type: "unreadable" }],
  ])("%s", (_name, seen, ours, found) => {
    expect(verdictOf(seen, { ...copy, found: false }, "observe")).toMatchObject(ours as object)
    expect(verdictOf(seen, { ...copy, found: true }, "observe")).toMatchObject(found as object)
    // Where the catalog leads, what was found is as ours.
    expect(verdictOf(seen, { ...copy, found: true }, "enforce")).toMatchObject(ours as object)
  })
})
