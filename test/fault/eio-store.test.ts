/**
 * Row 25: a disk that answers reads with EIO, under staging and under a backend. No reader takes what came for the whole, other proven copies are read,
 * the bad one is put aside or given anew, and the doctor is content in the end.
 */
import { createHash } from "node:crypto"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { temporaryDirectory } from "../flow/open-store.ts"
import { breakFile, type EioProcess, startEio } from "./eio-process.ts"
import { bytesOf } from "./store-harness.ts"

interface Read {
  bytes: number
  sha256?: string
  code?: string
  details?: { others?: string[] }
}
interface Stat {
  staged: boolean
  states: string[]
  error?: { code: string; message: string }
}
interface Ground {
  directory: string
  process: EioProcess
  /** of the staged content */
  path: string
}

/** compared with what is staged before it is placed */
const TINY = 50_000
const SMALL = 200_000
const LARGE = 5_000_000
const digest = (size: number, { start = 0, end = size } = {}): string =>
  createHash("sha256").update(bytesOf(1, size).subarray(start, end)).digest("hex")

async function ground(size: number, backends = ["a", "b"]): Promise<Ground> {
  const directory = await temporaryDirectory()
  const process = await startEio(directory)
  const { path } = await process.ask<{ path: string }>("put", { size, backends })
  return { directory, process, path }
}

const quarantined = ({ directory }: Ground): Promise<string[]> =>
  readdir(join(directory, "data", "staging", "quarantine"))

async function expectHealthy({ process }: Ground): Promise<void> {
  await process.ask("idle")
  expect(await process.ask("doctor")).toEqual({ findings: [] })
}

const READS: [name: string, size: number, options: { range?: { start: number; end: number }; stream?: boolean }][] = [
  ["whole, of small content", SMALL, {}],
  ["whole, as a stream", SMALL, { stream: true }],
  ["whole, of large content", LARGE, {}],
  ["a small range", LARGE, { range: { start: 3_000_000, end: 3_100_000 } }],
  ["a large range as a stream", LARGE, { range: { start: 1_000_000, end: 4_500_000 }, stream: true }],
  ["whole, of large content as a stream", LARGE, { stream: true }],
]

describe("staged bytes that their disk does not give back", () => {
  it.for(READS)("are put aside, and a copy serves: %s", async ([, size, options], context) => {
    const made = await ground(size)
    const mend = await breakFile(context, made.process, made.path)
    const aside = made.process.corrupt()
    const first = await made.process.ask<Read>("read", { options })
    // What is larger than is looked at before the first byte breaks off; nothing else is lost by it.
    if (first.code !== undefined) expect(first).toMatchObject({ code: "CORRUPT", bytes: 0 })
    else expect(first.sha256).toBe(digest(size, options.range))
    await aside
    expect(await made.process.ask("read", { options })).toMatchObject({ sha256: digest(size, options.range) })
    expect(await made.process.ask<Stat>("stat")).toMatchObject({ staged: false, states: ["synced", "synced"] })
    expect(await quarantined(made)).toHaveLength(1)
    await mend()
    await expectHealthy(made)
  })

  it("are replaced by a put of the same bytes", async (context) => {
    const made = await ground(TINY)
    const mend = await breakFile(context, made.process, made.path)
    await made.process.ask("start", { key: "again", size: TINY })
    await mend()
    expect(await made.process.ask("synced", { key: "again" })).toEqual({ code: null })
    expect(await made.process.ask("read")).toMatchObject({ sha256: digest(TINY) })
    await expectHealthy(made)
  })

  it.for([SMALL, LARGE])("are no source of a copy: another one feeds it (%i bytes)", async (size, context) => {
    const made = await ground(size, ["a"])
    const mend = await breakFile(context, made.process, made.path)
    const aside = made.process.corrupt()
    await made.process.ask("start", { key: "other", size })
    await aside
    await mend()
    expect(await made.process.ask("synced", { key: "other" })).toEqual({ code: null })
    expect(await made.process.ask("read", { key: "other", options: { backend: "b" } })).toMatchObject({
      sha256: digest(size),
    })
    await expectHealthy(made)
  })

  it("break off a stream under way, and are put aside", async (context) => {
    const made = await ground(LARGE)
    // Five reads by four threads: one of them has two.
    const mend = await breakFile(context, made.process, made.path, "2+")
    const aside = made.process.corrupt()
    const seen = await made.process.ask<Read>("read", { options: { stream: true } })
    expect(seen).toMatchObject({ code: "CORRUPT" })
    expect(seen.bytes).toBeLessThan(LARGE)
    await aside
    await mend()
    expect(await made.process.ask("read")).toMatchObject({ sha256: digest(LARGE) })
    await expectHealthy(made)
  })
})

describe("a copy on a backend that its disk does not give back", () => {
  async function unstaged(size: number): Promise<Ground & { copy: string }> {
    const made = await ground(size)
    await made.process.ask("clear")
    return { ...made, copy: join(made.directory, "a", "k") }
  }

  it.for(READS)(
    "is told of, put back to work, and another one serves who asks: %s",
    async ([, size, options], context) => {
      const made = await unstaged(size)
      const mend = await breakFile(context, made.process, made.copy)
      const first = await made.process.ask<Read>("read", { options })
      expect(first.code).toMatch(/^(CORRUPT|COPY_UNAVAILABLE)$/)
      const { states } = await made.process.ask<Stat>("stat")
      expect(states).toContain("synced")
      expect(states).not.toEqual(["synced", "synced"])
      const other = { ...options, fallback: true }
      expect(await made.process.ask("read", { options: other })).toMatchObject({ sha256: digest(size, options.range) })
      await mend()
      await made.process.ask("retry")
      expect(await made.process.ask("synced")).toEqual({ code: null })
      expect(await made.process.ask("read", { options: { backend: "a" } })).toMatchObject({ sha256: digest(size) })
      await expectHealthy(made)
    },
  )

  it("breaks off a stream under way", async (context) => {
    const made = await unstaged(LARGE)
    const mend = await breakFile(context, made.process, made.copy, "2+")
    const seen = await made.process.ask<Read>("read", { options: { stream: true } })
    expect(seen.code).toBeDefined()
    expect(seen.bytes).toBeLessThan(LARGE)
    await mend()
    await made.process.ask("retry")
    expect(await made.process.ask("synced")).toEqual({ code: null })
    await expectHealthy(made)
  })

  it("is a fault to the doctor", async (context) => {
    const made = await unstaged(SMALL)
    const mend = await breakFile(context, made.process, made.copy)
    const { findings } = await made.process.ask<{ findings: object[] }>("doctor")
    expect(findings).toMatchObject([{ invariant: "I4", severity: "fault", subject: "a/k" }])
    await mend()
    await expectHealthy(made)
  })

  it("fails for good with its reason where the disk stays bad, while the other copy serves", async (context) => {
    const made = await unstaged(SMALL)
    await breakFile(context, made.process, made.copy)
    expect(await made.process.ask<Read>("read")).toMatchObject({ details: { others: ["b"] } })
    expect(await made.process.ask("synced")).toEqual({ code: "BACKEND_UNAVAILABLE" })
    expect(await made.process.ask<Stat>("stat")).toMatchObject({ states: ["failed", "synced"] })
    expect(await made.process.ask("read")).toMatchObject({ sha256: digest(SMALL) })
  })
})
