/** What a scan may read, and when. */
import { describe, expect, it } from "vitest"
import { parseHours, parseRate } from "../../src/core/scan-settings.ts"
import { Budget } from "../../src/store/scan/budget.ts"

function at(hours: number, minutes: number): { now(): number } {
  const time = new Date(2026, 5, 15, hours, minutes).getTime()
  return { now: () => time }
}

const NEVER = new AbortController().signal

describe("budget of a scan", () => {
  it("knows times of day, over midnight too", () => {
    const night = parseHours("22:00-06:00")
    expect(new Budget({ rate: null, between: night }, at(23, 0)).untilOpen()).toBe(0)
    expect(new Budget({ rate: null, between: night }, at(5, 59)).untilOpen()).toBe(0)
    expect(new Budget({ rate: null, between: night }, at(6, 0)).untilOpen()).toBe(16 * 3_600_000)
    expect(new Budget({ rate: null, between: night }, at(21, 59)).untilOpen()).toBe(60_000)
    const day = parseHours("9:00-17:30")
    expect(new Budget({ rate: null, between: day }, at(17, 29)).untilOpen()).toBe(0)
    expect(new Budget({ rate: null, between: day }, at(17, 30)).untilOpen()).toBe((15 * 60 + 30) * 60_000)
  })

  it("is free only where nothing binds it", () => {
    expect(new Budget({ rate: null, between: null }, at(12, 0)).isFree).toBe(true)
    expect(new Budget({ rate: 1_000, between: null }, at(12, 0)).isFree).toBe(false)
    expect(new Budget({ rate: null, between: parseHours("13:00-14:00") }, at(12, 0)).isFree).toBe(false)
  })

  it("has no more read in one go than about a second's, where something binds it", () => {
    const night = parseHours("22:00-06:00")
    expect(new Budget({ rate: null, between: null }, at(12, 0)).atOnce).toBe(Number.POSITIVE_INFINITY)
    expect(new Budget({ rate: null, between: night }, at(23, 0)).atOnce).toBe(4 * 2 ** 20)
    expect(new Budget({ rate: 1_000_000, between: null }, at(12, 0)).atOnce).toBe(1_000_000)
    expect(new Budget({ rate: 100, between: null }, at(12, 0)).atOnce).toBe(64 * 2 ** 10)
    expect(new Budget({ rate: 1e9, between: night }, at(12, 0)).atOnce).toBe(4 * 2 ** 20)
  })

  it("lets so many bytes through in a time", async () => {
    const budget = new Budget({ rate: 100_000, between: null }, at(12, 0))
    const began = performance.now()
    for (let turn = 0; turn < 4; turn += 1) await budget.take(5_000, NEVER)
    // The last one begins when the three before it are over; a timer may be a millisecond early.
    expect(performance.now() - began).toBeGreaterThanOrEqual(147)
  })

  it("waits no longer than its signal", async () => {
    const closed = new Budget({ rate: null, between: parseHours("13:00-14:00") }, at(12, 0))
    await expect(closed.take(1, AbortSignal.timeout(5))).rejects.toMatchObject({ code: "ABORTED" })
    const slow = new Budget({ rate: 1, between: null }, at(12, 0))
    await slow.take(1_000_000, NEVER)
    await expect(slow.take(1, AbortSignal.timeout(5))).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("is set by texts", () => {
    expect(parseRate("50MB/s")).toBe(50_000_000)
    expect(parseRate("1MiB/s")).toBe(2 ** 20)
    for (const text of ["50MB", "fast/s", "0/s", "-1/s"]) expect(parseRate(text)).toBeNull()
    expect(parseHours("22:00-06:00")).toEqual({ from: 1320, to: 360 })
    expect(parseHours("00:00-24:00")).toEqual({ from: 0, to: 1440 })
    for (const text of ["22-06", "25:00-06:00", "06:00-06:00", "00:00-24:30", "night"])
      expect(parseHours(text)).toBeNull()
  })
})
