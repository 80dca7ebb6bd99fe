/** Where the same bytes lie on the backend already, under another key, it is asked to copy them: proven as ever, and sent where that fails. */
import { describe, expect, it, onTestFinished } from "vitest"
import type { SyncJob } from "../../queues/job.ts"
import { SMALL } from "../../queues/job.ts"
import { orderOf } from "../../queues/order.ts"
import type { BackendCopyOptions, BackendPutResult } from "../../src/backends/backend.ts"
import { MemoryBackend } from "../../src/backends/memory.ts"
import type { LocationRecord } from "../../src/catalog/record.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { type SyncServices, sync } from "../../workers/sync.ts"
import { bytes, pattern, readAll, text } from "../contract/backend/harness.ts"

const hashers = await createHashers()
const CONTENT = pattern(300_000)
const OTHER = pattern(300_000, 1)
const id = `sha256:${hashers.hash("sha256", CONTENT)}` as BlobId

/** A backend that holds the content under `twin`, and the job to have it under `k`. */
async function prepare() {
  const calls: string[] = []
  const backend = new MemoryBackend({ hashers }, { intercept: (what, key) => void calls.push(`${what} ${key}`) })
  onTestFinished(() => backend.close())
  await backend.open()
  await backend.put("twin", bytes(CONTENT))
  const etag = (await backend.stat("twin"))!.etag!
  const services: SyncServices & { sent: number; suspected: number } = {
    backend: async () => backend,
    content: async () => bytes(CONTENT),
    suspect: async () => {
      services.suspected += 1
    },
    copied: (size) => {
      services.sent += size
    },
    hashers,
    clock: { now: () => 7 },
    sent: 0,
    suspected: 0,
  }
  const job: SyncJob = {
    version: 1,
    kind: "sync",
    backend: "m",
    key: "k",
    generation: 1,
    want: { id, size: CONTENT.length, mimeType: "text/plain", modified: 1_234_000 },
    twin: { key: "twin", etag },
  }
  const run = (more: Partial<SyncJob> = {}) => sync({ ...job, ...more }, services, new AbortController().signal)
  const held = async (): Promise<Buffer> => readAll(await backend.get("k"))
  calls.length = 0
  return { backend, calls, services, run, held }
}

describe("a sync job with a twin", () => {
  it("has it copied: nothing is read or sent, and the copy is proven", async () => {
    const { services, run, held, calls, backend } = await prepare()
    services.content = () => expect.fail("nothing is to be sent")
    expect(await run()).toMatchObject({ have: id, verified: { at: 7, by: "checksum" } })
    expect(calls).toEqual(["stat k", "copy k", "stat k", "checksum k"])
    expect([services.sent, (await backend.stat("k"))?.modified]).toEqual([0, 1_234_000])
    expect((await held()).equals(CONTENT)).toBe(true)
  })

  it("copies nothing where the bytes are there already", async () => {
    const { run, calls, backend } = await prepare()
    await backend.put("k", bytes(CONTENT))
    calls.length = 0
    await run()
    expect(calls).toEqual(["stat k", "checksum k"])
  })

  const hindrances: [string, (backend: MemoryBackend) => unknown][] = [
    ["is gone", (backend) => backend.delete("twin")],
    ["is another by now", (backend) => backend.put("twin", bytes(OTHER))],
    ["cannot be copied", (backend) => (backend.copy = refuse("BACKEND_REFUSED", false))],
    ["is not copied because of a passing fault", (backend) => (backend.copy = refuse("BACKEND_UNAVAILABLE", true))],
    ["is copied under an answer that was lost", (backend) => loseAnswer(backend)],
    ["turns out to hold other bytes of that size", (backend) => copyInstead(backend, OTHER)],
    ["turns out to hold less", (backend) => copyInstead(backend, Buffer.from("short"))],
    ["is on a driver that does not copy", (backend) => Object.assign(backend, { copy: undefined })],
  ]
  it.each(hindrances)("that %s ends with the right bytes all the same", async (_what, hinder) => {
    const { backend, services, run, held } = await prepare()
    await hinder(backend)
    expect(await run()).toMatchObject({ have: id, verified: { by: "checksum" } })
    expect((await held()).equals(CONTENT)).toBe(true)
    // The bytes here were never at fault.
    expect([services.sent, services.suspected]).toEqual([CONTENT.length, 0])
  })

  it("that turns out to be bad leaves nothing of it, also where the bytes cannot be sent then", async () => {
    const { backend, services, run } = await prepare()
    copyInstead(backend, OTHER)
    services.content = async () => {
      throw new StoredError("COPY_UNAVAILABLE", "As asked.", { retryable: true })
    }
    await expect(run()).rejects.toMatchObject({ code: "SOURCE_FAILED" })
    expect(await backend.stat("k")).toBeNull()
  })

  it("that meets a server which says when to come again sends nothing", async () => {
    const { backend, services, run } = await prepare()
    backend.copy = refuse("BACKEND_UNAVAILABLE", true, { retryAfter: 5_000 })
    await expect(run()).rejects.toMatchObject({ details: { retryAfter: 5_000 } })
    expect([services.sent, await backend.stat("k")]).toEqual([0, null])
  })

  it("that is aborted sends nothing", async () => {
    const { backend, services } = await prepare()
    const control = new AbortController()
    backend.copy = async () => {
      control.abort()
      throw new TransientAdapterError("The connection broke.")
    }
    const job = {
      version: 1,
      kind: "sync",
      backend: "m",
      key: "k",
      generation: 1,
      twin: { key: "twin", etag: "1" },
    } as const
    const want = { id, size: CONTENT.length, mimeType: "text/plain" }
    await expect(sync({ ...job, want }, services, control.signal)).rejects.toMatchObject({ code: "ABORTED" })
    expect([services.sent, await backend.stat("k")]).toEqual([0, null])
  })

  it("writes over wrong bytes that a copy left, also where it is bound to what was there before", async () => {
    const { backend, run, held } = await prepare()
    await backend.put("k", text("what was there before"))
    copyInstead(backend, OTHER)
    await run()
    expect((await held()).equals(CONTENT)).toBe(true)
  })
})

function refuse(
  code: "BACKEND_REFUSED" | "BACKEND_UNAVAILABLE",
  retryable: boolean,
  details = {},
): MemoryBackend["copy"] {
  return async () => {
    throw new StoredError(code, "As asked.", { retryable, details })
  }
}

function loseAnswer(backend: MemoryBackend): void {
  backend.copy = async (_from, to) => {
    await backend.put(to, bytes(OTHER))
    throw new TransientAdapterError("The connection broke.")
  }
}

function copyInstead(backend: MemoryBackend, content: Buffer): void {
  backend.copy = async (_from: string, to: string, _options: BackendCopyOptions): Promise<BackendPutResult> => {
    await backend.put(to, bytes(content))
    return { key: to }
  }
}

describe("an order", () => {
  const SIZE = SMALL + 1
  const at = (key: string, more: Partial<LocationRecord> = {}): LocationRecord => ({
    backend: "b",
    key,
    objectKey: key,
    want: id,
    have: id,
    generation: 1,
    state: "synced",
    attempts: 0,
    error: null,
    verified: { at: 1, by: "etag" },
    seen: { size: SIZE, modified: 1, etag: "e1" },
    created: 1,
    modified: 1,
    ...more,
  })
  const own = (more: Partial<LocationRecord> = {}) =>
    at("k", { state: "pending", have: null, verified: null, seen: null, ...more })

  function twinIn(others: LocationRecord[], { location = own(), size = SIZE } = {}): unknown {
    const all = [location, ...others].sort((a, b) => (`${a.backend} ${a.key}` < `${b.backend} ${b.key}` ? -1 : 1))
    const order = orderOf(
      { kind: "sync", backend: "b", key: "k", generation: 1 },
      {
        sideChecksums: [],
        catalog: {
          location: () => location,
          object: () => null,
          blob: () => ({ id, size, mimeType: "text/plain" }) as never,
          locationsOf: (_id, { after = ["", ""], limit = 1e9 } = {}) =>
            all.filter(({ backend, key }) => `${backend} ${key}` > after.join(" ")).slice(0, limit),
        },
      },
    )
    return "job" in order && order.job.kind === "sync" ? (order.job.twin ?? null) : "no sync job"
  }

  it("names a proven copy of the same bytes on the same backend", () => {
    expect(twinIn([at("other")])).toEqual({ key: "other", etag: "e1" })
    expect(
      twinIn([at("early", { backend: "a" }), at("j", { state: "pending" }), at("z"), at("late", { backend: "c" })]),
    ).toEqual({
      key: "z",
      etag: "e1",
    })
  })

  const none: [string, LocationRecord[], object?][] = [
    ["there is none", []],
    ["it is on another backend", [at("x", { backend: "a" }), at("x", { backend: "c" })]],
    ["it is not synced", [at("x", { state: "syncing" }), at("y", { state: "corrupt" })]],
    ["it was proven by a listing alone", [at("x", { verified: { at: 1, by: "listing" } })]],
    ["it has no etag", [at("x", { seen: { size: SIZE, modified: 1 } })]],
    ["its bytes are sent sooner than asked for", [at("x")], { size: SMALL }],
    ["what lies there went bad", [at("x")], { location: own({ state: "corrupt", have: id }) }],
  ]
  it.each(none)("names none where %s", (_what, others, more) => {
    expect(twinIn(others, more)).toBeNull()
  })
})
