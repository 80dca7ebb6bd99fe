/** The settings `mode` and `scan` of a backend. */
import { describe, expect, it } from "vitest"
import { parseDuration, scanRules, scanSchema } from "../../src/core/scan-settings.ts"

const DAY = 86_400_000

describe("a time", () => {
  it.each([
    ["24h", DAY],
    ["30 min", 1_800_000],
    ["5m", 300_000],
    ["90s", 90_000],
    ["250ms", 250],
    ["1.5d", 1.5 * DAY],
    [" 1d ", DAY],
    ["366d", 366 * DAY],
  ])("%j", (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(["", "24", "h", "0s", "0.1ms", "-1h", "1e3s", "1 week", "24h30m", "367d", "1h\n1h", `${"9".repeat(400)}d`])(
    "is not %j",
    (text) => {
      expect(parseDuration(text)).toBeNull()
    },
  )
})

describe("scan settings", () => {
  it.each([
    {},
    { prefix: "" },
    { prefix: "photos/" },
    { prefix: "photos-" },
    { hash: false, every: "off", ignore: ["*.tmp", "!keep.tmp"] },
    { every: "30min" },
    { settle: "1ms" },
    { settle: "1h" },
  ])("are %j", (settings) => {
    expect(scanSchema.parse(settings)).toEqual(settings)
  })

  it.each([
    { prefix: "/photos/" },
    { prefix: "a//" },
    { prefix: "../" },
    { prefix: "a\u0000" },
    { prefix: "x".repeat(201) },
    { every: "daily" },
    { every: "0s" },
    { settle: "soon" },
    { settle: "61min" },
    { ignore: [""] },
    { ignore: "*.tmp" },
    { hash: "yes" },
    { mode: "observe" },
  ])("are not %j", (settings) => {
    expect(scanSchema.safeParse(settings).success).toBe(false)
  })
})

describe("what a scan goes by", () => {
  const rules = (settings: Parameters<typeof scanRules>[1], local = true) => scanRules("photos", settings, { local })

  it("is what suits the backend, where nothing was said, and then nothing is taken in that nobody has asked for", () => {
    const common = {
      mode: "observe",
      prefix: "photos/",
      every: DAY,
      ignore: [],
      settle: 400,
      rate: null,
      between: null,
    }
    const defaults = { ...common, adopts: false }
    expect(rules({})).toEqual({ ...defaults, hash: true })
    expect(rules({}, false)).toEqual({ ...defaults, hash: false })
    expect(rules({ watch: false }).adopts).toBe(false)
    for (const settings of [{ scan: {} }, { watch: true }, { mode: "enforce" } as const])
      expect(rules(settings).adopts).toBe(true)
  })

  it("is compared once a day where its content was said to matter", () => {
    expect(rules({ scan: {} }).every).toBe(DAY)
    expect(rules({ watch: true }).every).toBe(DAY)
    expect(rules({ mode: "enforce" })).toMatchObject({ every: DAY, mode: "enforce" })
  })

  it("is what was said", () => {
    const scan = { prefix: "", hash: true, every: "90s", ignore: ["a"], settle: "5s", rate: "1MB/s" }
    expect(rules({ scan: { ...scan, between: "22:00-06:00" } }, false)).toEqual({
      adopts: true,
      mode: "observe",
      prefix: "",
      hash: true,
      every: 90_000,
      ignore: ["a"],
      settle: 5_000,
      rate: 1_000_000,
      between: { from: 1_320, to: 360 },
    })
    expect(rules({ scan: { hash: false, every: "off" }, watch: true })).toMatchObject({ hash: false, every: null })
  })
})
