/**
 * A live folder under random changes, with the watch hearing, deaf, or the store closed in the middle of its work and opened again in between. After an audit the
 * catalog is the folder, every time (issue of scans). Nothing is done to the files for the audit's sake: what it misses stays missed.
 *
 * A run that fails prints its seed; `STORED_SCAN_SEED` has it again, and `STORED_SCAN_RUNS` asks for more runs.
 */
import fc from "fast-check"
import { expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { openStore } from "../../src/compose.ts"
import type { BackendMode } from "../../src/core/scan-settings.ts"
import { FAST_RETRIES, temporaryDirectory } from "./open-store.ts"
import { anyChange, type Change, change, filesOf, provenOf } from "./scan-changes.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

const RUNS = Number(process.env.STORED_SCAN_RUNS ?? 5)
const SEED = process.env.STORED_SCAN_SEED

type Event = { type: "scan" | "look" | "kill" | "deafen" | "hear" }
type Operation = Change | Event

const EVENTS = ["scan", "look", "kill", "deafen", "hear"] as const
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: anyChange },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom(...EVENTS) }) },
)

function isEvent(operation: Operation): operation is Event {
  return (EVENTS as readonly string[]).includes(operation.type)
}

it.each<BackendMode>(["observe", "enforce"])(
  "the catalog is the folder after an audit, in mode %s",
  {
    timeout: 60_000 + RUNS * 30_000,
  },
  async (mode) => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 3, maxLength: 25 }), (operations) => run(mode, operations)),
      { numRuns: RUNS, endOnFailure: true, ...(SEED !== undefined && { seed: Number(SEED) }) },
    )
  },
)

async function run(mode: BackendMode, operations: readonly Operation[]): Promise<void> {
  const data = await temporaryDirectory()
  const root = await temporaryDirectory()
  let watch = true
  const open = (): Promise<OpenedStore> =>
    openStore(
      {
        data,
        backends: {
          photos: { driver: "fs", root, mode, watch, scan: { prefix: "", every: "off" } },
          m: { driver: "memory" },
        },
        defaultBackends: ["m"],
      },
      FAST_RETRIES,
    )
  let opened = await open()
  try {
    for (const each of operations) {
      if (!isEvent(each)) await change(root, each)
      else if (each.type === "scan") await opened.store.scan("photos")
      else if (each.type === "look") await lookedAt(opened, "photos")
      else {
        if (each.type !== "kill") watch = each.type === "hear"
        await opened.store.close({ deadline: each.type === "kill" ? 0 : 5_000 })
        opened = await open()
      }
    }
    // Twice: what the first one leaves to be looked at may still be on its way.
    await scanned(opened, "photos", { force: true })
    await scanned(opened, "photos", { force: true })
    const files = await filesOf(root)
    if (mode === "observe") await expectSame(opened, files)
    else await expectNoLie(opened, files)
    for await (const fault of opened.services.catalog.verify()) expect(fault).toBeNull()
  } finally {
    await opened.store.close()
  }
}

/** Every object that is there, and where it says it is. */
async function expectSame(opened: OpenedStore, files: Record<string, string>): Promise<void> {
  const { store, services } = opened
  const listed: Record<string, string> = {}
  for await (const { key, checksum } of store.list()) {
    const object = services.catalog.object(key)!
    if (object.state === "MISSING") continue
    expect(object).toMatchObject({ state: "ACTIVE", copies: [{ backend: "photos", key }] })
    listed[key] = checksum
  }
  expect(listed).toEqual(files)
  expect(provenOf(opened)).toEqual(files)
  const drift = await Array.fromAsync(store.drift("photos"), ({ kind, key }) => ({ kind, key }))
  expect(drift.filter(({ kind }) => kind !== "missing")).toEqual([])
}

/** The catalog is right, and has nothing to put it right with: what is not as it should be is told, and nothing else is. */
async function expectNoLie(opened: OpenedStore, files: Record<string, string>): Promise<void> {
  const proven = provenOf(opened)
  expect(files).toMatchObject(proven)
  const told = await Array.fromAsync(opened.store.drift("photos"), ({ key }) => key)
  const wrong = Object.keys(files).filter((key) => proven[key] === undefined)
  expect(told).toEqual(expect.arrayContaining(wrong))
  expect(told.filter((key) => proven[key] !== undefined)).toEqual([])
}
