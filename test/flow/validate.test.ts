/** Copies are read again: bad ones are kept, told of and brought back; what cannot be looked at is not judged (D19). */
import { readFile, rename, rm, unlink } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import type { DriftEntry } from "../../src/store/store.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting } from "./resting-file.ts"
import { scanned } from "./scan-steps.ts"
import { ended, flipBit, quarantined, rot, validated } from "./validate-steps.ts"

type Folder = OpenedStore & { folder: string; path(key: string): string }

/** A folder `disk` beside a memory backend `m`; what is put goes to both. */
async function openFolder(settings: object = {}): Promise<Folder> {
  const folder = await temporaryDirectory()
  const opened = await openTestStore({
    backends: { disk: { driver: "fs", root: folder, scan: { every: "off" }, ...settings }, m: { driver: "memory" } },
    defaultBackends: ["disk", "m"],
  })
  return { ...opened, folder, path: (key) => join(folder, key) }
}

async function putAll({ store }: OpenedStore, ...keys: string[]): Promise<void> {
  for (const key of keys) await store.put(Buffer.from(`content of ${key}`), { key, durability: "all" })
}

async function driftOf({ store }: OpenedStore): Promise<Pick<DriftEntry, "kind" | "key">[]> {
  return (await Array.fromAsync(store.drift("disk"))).map(({ kind, key }) => ({ kind, key }))
}

describe("validate", () => {
  it("renews the proof of what is good, and says how much it has read", async () => {
    const opened = await openFolder()
    await putAll(opened, "a", "b/c")
    const before = opened.services.catalog.location("disk", "a")!
    const status = await validated(opened, "disk")
    expect(status).toMatchObject({
      ...{ backend: "disk", state: "done", copies: 2, bytes: 26, good: 2, corrupt: 0, missing: 0, error: null },
      ...{ plan: { copies: 2, bytes: 26, chosen: 2, chosenBytes: 26 }, waiting: null, validAsOf: status.started },
    })
    const after = opened.services.catalog.location("disk", "a")!
    expect(after.verified).toEqual({ at: expect.any(Number), by: "checksum" })
    expect(after.verified!.at).toBeGreaterThanOrEqual(status.started)
    expect({ ...after, verified: null }).toEqual({ ...before, verified: null })
    expect(opened.store.getBackend("disk").validate).toMatchObject({ state: "done", copies: 2, chosen: 2 })
    expect(opened.store.getBackend("m").validate).toBeUndefined()
  })

  it.each([["observe"], ["enforce"], [undefined]])(
    "a copy of ours that has gone bad is kept, and brought back from another (mode %s)",
    async (mode) => {
      const opened = await openFolder(mode ? { mode } : {})
      await putAll(opened, "a", "b")
      await rot(opened, "disk", "a", opened.path("a"))
      const bad = await readFile(opened.path("a"), "latin1")
      const { lastSequence: after } = opened.store.status()
      expect(await validated(opened, "disk")).toMatchObject({ good: 1, corrupt: 1, kept: 1, healing: 1 })
      expect(await readFile(opened.path("a"), "utf8")).toBe("content of a")
      expect(await opened.store.stat("a")).toMatchObject({
        state: "ACTIVE",
        locations: [{ synced: true }, { synced: true }],
      })
      const kept = await quarantined(opened)
      expect(Object.values(kept)).toEqual([bad])
      const [name] = Object.keys(kept)
      expect(name).toMatch(new RegExp(`^${idOf("content of a").replace(":", "-")}-.*-disk-`))
      const told = [...opened.services.catalog.journal({ after })].filter(({ key }) => key === "a")
      expect(told).toMatchObject([
        { command: "drift", backend: "disk", detail: { state: "corrupt", repair: true } },
        { command: "quarantine", backend: "disk", id: idOf("content of a"), detail: { copy: "a", kept: name } },
        { command: "sync", backend: "disk" },
      ])
    },
  )

  it("a copy of ours that somebody has changed is kept too, and brought back", async () => {
    const opened = await openFolder()
    await putAll(opened, "a")
    await writeResting(opened.folder, "a", "an edit of mine")
    expect(await validated(opened, "disk")).toMatchObject({ corrupt: 1, kept: 1, healing: 1 })
    expect(Object.values(await quarantined(opened))).toEqual(["an edit of mine"])
    expect(await readFile(opened.path("a"), "utf8")).toBe("content of a")
  })

  it("tells of what is bad by an event, live and from the journal", async () => {
    const opened = await openFolder()
    await putAll(opened, "a")
    await rot(opened, "disk", "a", opened.path("a"))
    const heard: unknown[] = []
    opened.store.on("drift", (data) => heard.push(data))
    const { lastSequence: after } = opened.store.status()
    await validated(opened, "disk")
    const drift = { checksum: idOf("content of a"), key: "a", backend: "disk", state: "corrupt" }
    expect(heard).toEqual([drift])
    const control = new AbortController()
    const past: string[] = []
    for await (const { type, data } of opened.store.events({ after, signal: control.signal })) {
      past.push(type === "validate" ? `validate ${data.kind} ${data.state}` : type)
      if (type === "sync:complete") control.abort()
    }
    expect(past.slice(0, 2)).toEqual(["validate asked running", "drift"])
  })

  it("a copy that is gone is brought back", async () => {
    const opened = await openFolder()
    await putAll(opened, "a", "b")
    await unlink(opened.path("a"))
    expect(await validated(opened, "disk")).toMatchObject({ good: 1, missing: 1, healing: 1, kept: 0 })
    expect(await readFile(opened.path("a"), "utf8")).toBe("content of a")
  })

  it("the last copy stays where it is, bad as it is, and is told of", async () => {
    const opened = await openFolder()
    await opened.store.put(Buffer.from("only"), { key: "only", backends: ["disk"], durability: "all" })
    await opened.store.cache.clear()
    await rot(opened, "disk", "only", opened.path("only"))
    expect(await validated(opened, "disk")).toMatchObject({ corrupt: 1, kept: 1, healing: 0 })
    expect(await opened.store.stat("only")).toMatchObject({ state: "MISSING", locations: [{ state: "corrupt" }] })
    expect(await readFile(opened.path("only"), "latin1")).not.toBe("only")
    expect(await driftOf(opened)).toEqual([{ kind: "corrupt", key: "only" }])
  })

  it("where its bytes cannot be kept, a bad copy is not written over without being asked", async () => {
    const opened = await openFolder()
    await putAll(opened, "a")
    await rot(opened, "disk", "a", opened.path("a"))
    const bad = await readFile(opened.path("a"), "latin1")
    opened.services.staging.keepBad = () => Promise.reject(new TransientAdapterError("no room"))
    expect(await validated(opened, "disk")).toMatchObject({ corrupt: 1, kept: 0, healing: 0 })
    expect(await readFile(opened.path("a"), "latin1")).toBe(bad)
    expect(opened.services.catalog.location("disk", "a")).toMatchObject({
      state: "corrupt",
      error: { code: "CORRUPT" },
    })
    await opened.store.heal("disk")
    await opened.store.idle()
    expect(await readFile(opened.path("a"), "utf8")).toBe("content of a")
  })
})

describe("validate of a folder that is observed", () => {
  async function openFound(): Promise<Folder> {
    const opened = await openFolder({ mode: "observe" })
    for (const key of ["a", "b"]) await writeResting(opened.folder, key, `found ${key}`)
    await scanned(opened, "disk")
    await opened.store.put(Buffer.from("found a"), { key: "twin", backends: ["m"], durability: "all" })
    return opened
  }

  it("rot is corruption: told of, left to people, and healed when they say so", async () => {
    const opened = await openFound()
    await rot(opened, "disk", "a", opened.path("a"))
    const bad = await readFile(opened.path("a"), "latin1")
    expect(await validated(opened, "disk")).toMatchObject({ good: 1, corrupt: 1, kept: 1, healing: 0, changed: 0 })
    expect(await readFile(opened.path("a"), "latin1")).toBe(bad)
    expect(await driftOf(opened)).toEqual([{ kind: "corrupt", key: "a" }])
    // A second look changes nothing, and keeps nothing twice.
    expect(await validated(opened, "disk")).toMatchObject({ good: 1, corrupt: 0, copies: 1 })
    expect(Object.values(await quarantined(opened))).toEqual([bad])
    await opened.store.heal("disk")
    await opened.store.idle()
    expect(await readFile(opened.path("a"), "utf8")).toBe("found a")
    expect(await driftOf(opened)).toEqual([])
  })

  it("a change is an edit: it is looked at, and becomes a new version", async () => {
    const opened = await openFound()
    await writeResting(opened.folder, "a", "edited", new Date("2021-01-01T00:00:00Z"))
    const change = new Promise((resolve) => opened.store.on("change", resolve))
    expect(await validated(opened, "disk")).toMatchObject({ good: 1, corrupt: 0, changed: 1 })
    expect(await change).toMatchObject({ key: "disk/a", version: 2 })
    expect(await opened.store.stat("disk/a")).toMatchObject({ id: idOf("edited"), version: 2, state: "ACTIVE" })
    expect(await quarantined(opened)).toEqual({})
  })

  it("a file that somebody has only touched is good", async () => {
    const opened = await openFound()
    await writeResting(opened.folder, "a", "found a", new Date("2021-01-01T00:00:00Z"))
    expect(await validated(opened, "disk")).toMatchObject({ good: 2, changed: 0 })
    expect(await driftOf(opened)).toEqual([])
  })

  it("a file that somebody has taken away is missing, and stays away", async () => {
    const opened = await openFound()
    await unlink(opened.path("b"))
    expect(await validated(opened, "disk")).toMatchObject({ good: 1, missing: 1, healing: 0 })
    expect(await driftOf(opened)).toEqual([{ kind: "missing", key: "b" }])
  })

  it("content that nobody has read has nothing to be compared with", async () => {
    const opened = await openFolder({ scan: { every: "off", hash: false } })
    await writeResting(opened.folder, "a", "found a")
    await scanned(opened, "disk")
    expect(await validated(opened, "disk")).toMatchObject({ state: "done", copies: 0, plan: { copies: 0 } })
  })
})

describe("validate of what is staged", () => {
  it("bad bytes are put aside, and fetched again from a copy", async () => {
    const opened = await openFolder()
    await putAll(opened, "a", "b")
    const id = idOf("content of a")
    const [staged] = (await Array.fromAsync(opened.services.staging.list())).filter((file) => file.id === id)
    await flipBit(staged!.path)
    expect(await validated(opened, "staging")).toMatchObject({
      ...{ backend: "staging", copies: 2, good: 1, corrupt: 1, kept: 1, healing: 1 },
    })
    expect(Object.keys(await quarantined(opened))).toHaveLength(1)
    expect(await readFile(staged!.path, "utf8")).toBe("content of a")
    expect(opened.services.catalog.blob(id)).toMatchObject({ staged: true })
    expect(opened.store.status().stagingValidate).toMatchObject({ state: "done", corrupt: 1 })
  })

  it("what is gone is fetched again too, and without a copy it is told of", async () => {
    const opened = await openFolder()
    await putAll(opened, "a")
    for await (const { path } of opened.services.staging.list()) await unlink(path)
    expect(await validated(opened, "staging")).toMatchObject({ copies: 1, missing: 1, healing: 1 })
    memoryBackend(opened, "m").intercept = () => Promise.reject(new TransientAdapterError("It is away."))
    await opened.store.put(Buffer.from("alone"), { key: "alone", backends: ["m"] })
    for await (const { path, id } of opened.services.staging.list()) if (id === idOf("alone")) await unlink(path)
    const over = ended(opened, "staging")
    await opened.store.validate("staging")
    await over
    expect(opened.store.validateStatus("staging")).toMatchObject({ copies: 2, good: 1, missing: 1, healing: 0 })
  })
})

describe("a backend that is away", () => {
  it("is waited for, which the status says, and nothing is marked", async () => {
    const opened = await openFolder()
    await putAll(opened, "a", "b")
    const backend = memoryBackend(opened, "m")
    backend.intercept = () => Promise.reject(new TransientAdapterError("It is away."))
    const over = ended(opened, "m")
    await opened.store.validate("m")
    await expect
      .poll(() => opened.store.validateStatus("m").waiting, { timeout: 10_000 })
      .toMatchObject({
        code: "BACKEND_UNAVAILABLE",
      })
    expect(opened.store.validateStatus("m")).toMatchObject({ state: "running", copies: 0 })
    expect(opened.services.catalog.location("m", "a")).toMatchObject({ state: "synced" })
    backend.intercept = undefined
    await opened.store.validate("m")
    expect(await over).toBe("done")
    expect(opened.store.validateStatus("m")).toMatchObject({ good: 2, missing: 0, corrupt: 0, waiting: null })
  })

  it("so is one whose disk is not mounted", async () => {
    const opened = await openFolder()
    await putAll(opened, "a", "b")
    await rename(opened.folder, `${opened.folder}.away`)
    await writeResting(opened.folder, "x", "")
    await rm(opened.path("x"))
    const over = ended(opened, "disk")
    await opened.store.validate("disk")
    await expect
      .poll(() => opened.store.validateStatus("disk").waiting, { timeout: 10_000 })
      .toMatchObject({
        code: "BACKEND_UNAVAILABLE",
      })
    expect(opened.services.catalog.location("disk", "a")).toMatchObject({ state: "synced" })
    await rm(opened.folder, { recursive: true })
    await rename(`${opened.folder}.away`, opened.folder)
    await opened.store.validate("disk")
    expect(await over).toBe("done")
    expect(opened.store.validateStatus("disk")).toMatchObject({ good: 2, missing: 0 })
  })

  it("one that is paused is left alone until it is resumed", async () => {
    const opened = await openFolder()
    await putAll(opened, "a")
    await opened.store.pauseBackend("m")
    const over = ended(opened, "m")
    await opened.store.validate("m")
    await expect
      .poll(() => opened.store.validateStatus("m").waiting)
      .toMatchObject({
        message: expect.stringMatching(/"m" is paused/) as string,
      })
    await opened.store.resumeBackend("m")
    expect(await over).toBe("done")
    expect(opened.store.validateStatus("m")).toMatchObject({ good: 1, waiting: null })
  })
})
