/** Whoever comes across a bad copy keeps its bytes before they are written over (I8): reads, evictions, scans, the doctor. */
import { createHash } from "node:crypto"
import { readFile, unlink } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { DEFAULT_RETRY_POLICY } from "../../queues/retry-policy.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { treat } from "../../src/doctor/doctor.ts"
import { upkeep } from "../../src/store/maintenance.ts"
import { idOf, refusal } from "../contract/catalog.facts.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting } from "./resting-file.ts"
import { scanned } from "./scan-steps.ts"
import { quarantined, rot } from "./validate-steps.ts"

const GOOD = "content of a"

interface Bad extends OpenedStore {
  /** of the store; a test may set it forward */
  clock: { time: number; now(): number }
  path: string
  bad: string
  /** what the journal has told of the copy since */
  told(): unknown[]
}

/** `a` on a folder `disk` and in a memory backend `m`, not staged; on `disk` it has gone bad. */
async function openBad(settings: object = {}): Promise<Bad> {
  const folder = await temporaryDirectory()
  const clock = {
    time: Date.now(),
    now() {
      return this.time
    },
  }
  const opened = await openTestStore(
    {
      backends: { disk: { driver: "fs", root: folder, scan: { every: "off" }, ...settings }, m: { driver: "memory" } },
      defaultBackends: ["disk", "m"],
    },
    { clock },
  )
  await opened.store.put(Buffer.from(GOOD), { key: "a", durability: "all" })
  await opened.store.cache.clear()
  const path = join(folder, "a")
  await rot(opened, "disk", "a", path)
  const bad = await readFile(path, "latin1")
  const { lastSequence: after } = opened.store.status()
  const told = () =>
    [...opened.services.catalog.journal({ after })]
      .filter(({ key }) => key === "a")
      .map(({ command, detail }) => (command === "quarantine" ? [command, detail.copy, detail.kept] : [command]))
  return { ...opened, clock, path, bad, told }
}

async function expectKept({ store, services, path, bad, told }: Bad): Promise<void> {
  await store.idle()
  const kept = await quarantined({ services })
  expect(Object.values(kept)).toEqual([bad])
  expect(await readFile(path, "latin1")).toBe(GOOD)
  expect(told().slice(0, 3)).toEqual([["drift"], ["quarantine", "a", Object.keys(kept)[0]], ["sync"]])
}

describe("the bytes of a bad copy are kept, once, and it is brought back", () => {
  it("by those who read it at the same time", async () => {
    const opened = await openBad()
    const reads = Array.from({ length: 8 }, () => refusal(opened.store.get("a", { backend: "disk" })))
    expect(new Set(await Promise.all(reads))).toContain("CORRUPT")
    await expectKept(opened)
  })

  it("by a scan of a backend that is ours alone", async () => {
    const opened = await openBad({ mode: "enforce" })
    await writeResting(join(opened.path, ".."), "a", "something else")
    await scanned(opened, "disk")
    await expectKept({ ...opened, bad: "something else" })
  })

  it("by the doctor", async () => {
    const opened = await openBad()
    await treat(opened, { repair: true })
    await expectKept(opened)
  })

  it("by whoever looks at it before another copy is dropped", async () => {
    const opened = await openBad()
    await writeResting(join(opened.path, ".."), "a", "of another size")
    const { catalog, copies } = opened.services
    expect(await copies.look(catalog.location("disk", "a")!, catalog.blob(idOf(GOOD))!)).toBe("absent")
    await expectKept({ ...opened, bad: "of another size" })
  })
})

it("what a scan leaves to people is kept when it is found, so that healing it loses nothing", async () => {
  const opened = await openBad({ mode: "observe" })
  await writeResting(join(opened.path, ".."), "a", "an edit of mine")
  await scanned(opened, "disk")
  expect(await readFile(opened.path, "utf8")).toBe("an edit of mine")
  await scanned(opened, "disk")
  await opened.store.heal("disk")
  await opened.store.idle()
  expect(await readFile(opened.path, "utf8")).toBe(GOOD)
  expect(Object.values(await quarantined(opened))).toEqual(["an edit of mine"])
})

it("where they cannot be kept, the copy stays until somebody has it healed", async () => {
  const opened = await openBad()
  opened.services.staging.keepBad = () => Promise.reject(new TransientAdapterError("no room"))
  expect(await refusal(opened.store.get("a", { backend: "disk" }))).toBe("CORRUPT")
  await opened.store.idle()
  expect(await readFile(opened.path, "latin1")).toBe(opened.bad)
  expect(opened.told()).toEqual([["drift"], ["quarantine", "a", null]])
  await opened.store.heal("disk")
  await opened.store.idle()
  expect(await readFile(opened.path, "utf8")).toBe(GOOD)
})

describe("bytes that cannot be kept are written over by no timer", () => {
  const HOUR = DEFAULT_RETRY_POLICY.reviveAfter
  const UNKEPT = { state: "corrupt", error: { code: "CORRUPT", retryable: false, details: { unkept: true } } }

  /** Found bad by what `find` does, with no room in quarantine. `room`: there is some from now on. */
  async function openUnkept(find: (opened: Bad) => Promise<unknown>, settings: object = {}) {
    const opened = await openBad(settings)
    const { staging } = opened.services
    const keepBad = staging.keepBad.bind(staging)
    const tries: string[] = []
    staging.keepBad = (id) => {
      tries.push(id)
      return Promise.reject(new StoredError("DISK_FULL", "There is no room.", { retryable: true }))
    }
    await find(opened)
    await opened.store.idle()
    tries.length = 0
    const room = (): void => {
      staging.keepBad = keepBad
    }
    const later = async (): Promise<void> => {
      opened.clock.time += HOUR
      await upkeep(opened.services, DEFAULT_RETRY_POLICY)
      await opened.store.idle()
    }
    const expectBad = async (bad = opened.bad): Promise<void> => {
      expect(await readFile(opened.path, "latin1")).toBe(bad)
      expect(await opened.store.stat("a")).toMatchObject({
        locations: [{ backend: "disk", ...UNKEPT }, { synced: true }],
      })
      expect(await quarantined(opened)).toEqual({})
    }
    return { ...opened, tries, room, later, expectBad }
  }

  const read = ({ store }: Bad) => refusal(store.get("a", { backend: "disk" }))

  it("they are kept first, as soon as there is room", async () => {
    const opened = await openUnkept(read)
    await opened.later()
    await opened.later()
    await opened.expectBad()
    opened.room()
    await opened.later()
    expect(await readFile(opened.path, "utf8")).toBe(GOOD)
    const kept = await quarantined(opened)
    expect(Object.values(kept)).toEqual([opened.bad])
    expect(opened.told()).toEqual([
      ["drift"],
      ["quarantine", "a", null],
      ["drift"],
      ["quarantine", "a", Object.keys(kept)[0]],
      ["sync"],
    ])
  })

  it("that is tried now and then, not all the time", async () => {
    const opened = await openUnkept(read)
    await opened.later()
    await upkeep(opened.services, DEFAULT_RETRY_POLICY)
    expect(opened.tries).toHaveLength(1)
    await opened.later()
    expect(opened.tries).toHaveLength(2)
  })

  it.each(["observe", "enforce"])("nor where a scan has found them (mode %s)", async (mode) => {
    const edited = "an edit of mine"
    const find = async (opened: Bad): Promise<void> => {
      await writeResting(join(opened.path, ".."), "a", edited)
      await scanned(opened, "disk")
    }
    const opened = await openUnkept(find, { mode })
    await opened.later()
    await opened.later()
    await opened.expectBad(edited)
    opened.room()
    await opened.later()
    expect(await readFile(opened.path, "utf8")).toBe(GOOD)
    expect(Object.values(await quarantined(opened))).toEqual([edited])
  })

  it("nor where somebody tells late of an older order", async () => {
    const opened = await openUnkept(read)
    const { catalog, clock, runner } = opened.services
    const { generation } = catalog.location("disk", "a")!
    const error = { code: "BACKEND_UNAVAILABLE", message: "It is away.", retryable: true } as const
    const result = { type: "park", error } as const
    await catalog.commitOutcomes(
      [{ kind: "sync", backend: "disk", key: "a", generation: generation - 1, result }],
      clock.now(),
    )
    runner.nudge("sync-disk")
    await opened.store.idle()
    await opened.expectBad()
  })

  it("people may, as before", async () => {
    const opened = await openUnkept(read)
    await opened.store.heal("disk")
    await opened.store.idle()
    expect(await readFile(opened.path, "utf8")).toBe(GOOD)
  })
})

it("a copy that is gone leaves nothing to keep", async () => {
  const opened = await openBad()
  await unlink(opened.path)
  await refusal(opened.store.get("a", { backend: "disk" }))
  await opened.store.idle()
  expect(await quarantined(opened)).toEqual({})
  expect(await readFile(opened.path, "utf8")).toBe(GOOD)
})

it("a bad copy whose repair was given up is still not believed when it is tried again", async () => {
  const opened = await openTestStore(
    { backends: { n: { driver: "memory" }, m: { driver: "memory" } }, defaultBackends: ["n", "m"] },
    { retry: { maxAttempts: 1 } },
  )
  await opened.store.put(Buffer.from(GOOD), { key: "a", durability: "all" })
  const backend = memoryBackend(opened, "n")
  const other = Buffer.from(GOOD).reverse()
  await backend.put("a", { size: other.length, once: false, read: () => Readable.from([other]) })
  // The backend vouches for what was put there once.
  const sha256 = createHash("sha256").update(GOOD).digest("hex")
  const { stat } = backend
  backend.stat = async (...call) => {
    const seen = await stat.apply(backend, call)
    return seen && { ...seen, checksums: { sha256 } }
  }
  const wrote: string[] = []
  backend.intercept = (operation, key) => {
    if (operation === "put") wrote.push(key)
    if (operation === "put" && wrote.length === 1) throw new TransientAdapterError("It is away.")
  }
  const { catalog, runner } = opened.services
  await catalog.commitDrift({ backend: "n", key: "a", state: "corrupt", repair: true, time: Date.now() })
  runner.nudge("sync-n")
  await opened.store.idle()
  expect(catalog.location("n", "a")).toMatchObject({ state: "failed" })
  await opened.store.retry()
  await opened.store.idle()
  // What the backend says is not believed, now either: its bytes are read, and written over.
  expect(wrote).toEqual(["a", "a"])
  expect(catalog.location("n", "a")?.state).toBe("synced")
})
