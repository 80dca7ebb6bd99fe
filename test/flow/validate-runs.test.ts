/** Which copies a validation reads, in which order validations go, and how they are ended, begun by themselves and gone on with. */
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { describe, expect, it, onTestFinished } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf, refusal } from "../contract/catalog.facts.ts"
import { makeBucket } from "../s3-bucket.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "./open-store.ts"
import { scanned } from "./scan-steps.ts"
import { ended, quarantined, validated } from "./validate-steps.ts"

const DAY = 86_400_000

/** Copies of `keys` on a memory backend `m`; a read of one waits while `hold` is set. */
async function openMemory(keys: string[], config: object = {}, clock?: { now(): number }) {
  const opened = await openTestStore(
    { backends: { m: { driver: "memory" }, n: { driver: "memory" } }, defaultBackends: ["m"], ...config },
    clock ? { clock } : {},
  )
  await Promise.all(keys.map((key) => opened.store.put(Buffer.from(key), { key })))
  await opened.store.idle()
  const read: string[] = []
  const gate = { hold: null as Promise<void> | null, reached: Promise.withResolvers<void>() }
  memoryBackend(opened, "m").intercept = async (operation, key) => {
    if (operation !== "get") return
    gate.reached.resolve()
    await gate.hold
    read.push(key)
  }
  return { ...opened, read, gate }
}

function holdReads({ gate }: Awaited<ReturnType<typeof openMemory>>): () => void {
  const held = Promise.withResolvers<void>()
  gate.hold = held.promise
  gate.reached = Promise.withResolvers()
  onTestFinished(() => held.resolve())
  return () => {
    gate.hold = null
    held.resolve()
  }
}

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`)

describe("a sample", () => {
  it("is so much of all, says so, is another one each time, and the same one for its seed", async () => {
    const opened = await openMemory(keysOf(300))
    const sample = async (options: object) => {
      opened.read.length = 0
      const status = await validated(opened, "m", { sample: 0.2, ...options })
      return { status, keys: [...opened.read].sort() }
    }
    const [one, two] = [await sample({}), await sample({})]
    for (const { status, keys } of [one, two]) {
      expect(status).toMatchObject({ state: "done", sample: 0.2, seed: expect.stringMatching(/^[0-9a-f]{8}$/) })
      expect(status).toMatchObject({ plan: { copies: 300, chosen: keys.length }, copies: keys.length, validAsOf: null })
      expect(keys.length).toBeGreaterThan(25)
      expect(keys.length).toBeLessThan(100)
    }
    expect(two.keys).not.toEqual(one.keys)
    expect((await sample({ seed: one.status.seed })).keys).toEqual(one.keys)
    opened.read.length = 0
    expect(await validated(opened, "m", { prefix: "k29" })).toMatchObject({ copies: 11, validAsOf: null })
    expect(opened.read.every((key) => key.startsWith("k29"))).toBe(true)
  })
})

describe("a validation", () => {
  it("is paused, gone on with and cancelled; another one is refused meanwhile", async () => {
    const opened = await openMemory(keysOf(10))
    const { store } = opened
    const release = holdReads(opened)
    await store.validate("m", { sample: 1, rate: 1_000_000 })
    await opened.gate.reached.promise
    expect(await refusal(store.validate("m", { sample: 0.5 }))).toBe("CONFLICT")
    expect(await refusal(store.validate("m", { prefix: "k" }))).toBe("CONFLICT")
    expect(await store.validate("m")).toMatchObject([{ number: 1, state: "running" }])
    const paused = ended(opened, "m")
    const pausing = store.pauseValidate("m")
    await expect.poll(() => store.validateStatus("m").state).toBe("paused")
    release()
    expect(await pausing).toMatchObject({ state: "paused", copies: 0 })
    expect(await paused).toBe("paused")
    expect(await refusal(store.validate("m", { sample: 0.5 }))).toBe("CONFLICT")
    expect(await validated(opened, "m")).toMatchObject({ number: 1, state: "done", copies: 10, rate: 1_000_000 })
    expect(await refusal(store.pauseValidate("m"))).toBe("CONFLICT")
    expect(await refusal(store.cancelValidate("m"))).toBe("CONFLICT")
    await store.pauseBackend("m")
    await store.validate("m")
    expect(await store.cancelValidate("m")).toMatchObject({ number: 2, state: "cancelled" })
    expect(await refusal(store.validate("unknown"))).toBe("UNKNOWN_BACKEND")
    expect(await refusal(store.validate("staging", { prefix: "a" }))).toBe("INVALID_INPUT")
  })

  it("without a name is one of each backend, and of staging", async () => {
    const opened = await openMemory(["a"])
    const over = Promise.all(["m", "n", "staging"].map((name) => ended(opened, name)))
    expect((await opened.store.validate()).map(({ backend }) => backend)).toEqual(["m", "n", "staging"])
    expect(await over).toEqual(["done", "done", "done"])
    const found = (name: string) => opened.store.validateStatus(name).good
    expect(["m", "n", "staging"].map(found)).toEqual([1, 0, 1])
    expect((await opened.store.validate(undefined, { prefix: "a" })).map(({ backend }) => backend)).toEqual(["m", "n"])
  })

  it("goes on when the store is opened again", async () => {
    const data = await temporaryDirectory()
    const first = await openMemory(keysOf(5), { data })
    const release = holdReads(first)
    await first.store.validate("m")
    await first.gate.reached.promise
    const closing = first.store.close()
    release()
    await closing
    const again = await openTestStore({ data, backends: { m: { driver: "memory" } } })
    expect(again.store.validateStatus("m")).toMatchObject({ number: 1, state: "running" })
    // A memory backend has lost all it had: nothing lies there, and nothing is marked.
    await expect.poll(() => again.store.validateStatus("m").waiting).toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    await again.store.cancelValidate("m")
  })
})

describe("the validation that begins by itself", () => {
  const at = (time: number) => ({
    time,
    now() {
      return this.time
    },
  })

  it("begins in its time, for what is local; one that is asked for goes first", async () => {
    const clock = at(Date.now())
    const opened = await openMemory(keysOf(3), {}, clock)
    const { store, services } = opened
    expect(store.validateStatus("m").rolling).toMatchObject({ every: 30 * DAY, state: "idle", late: false })
    await services.validations.audit()
    expect(store.validateStatus("m").rolling.state).toBe("idle")
    clock.time += 31 * DAY
    const release = holdReads(opened)
    const rolled = Promise.all(["m", "n", "staging"].map((name) => ended(opened, name, "rolling")))
    await services.validations.audit()
    await opened.gate.reached.promise
    const asked = ended(opened, "m")
    const asking = store.validate("m")
    release()
    await asking
    expect(await asked).toBe("done")
    expect(await rolled).toEqual(["done", "done", "done"])
    const { rolling, ...status } = store.validateStatus("m")
    expect(status).toMatchObject({ number: 1, good: 3, validAsOf: clock.time })
    expect(rolling).toMatchObject({ number: 1, good: 3, due: clock.time + 30 * DAY })
    expect(store.getBackend("m").validate).toMatchObject({ state: "done", copies: 3, late: false })
    await services.validations.audit()
    expect(store.validateStatus("m").rolling.number).toBe(1)
  })

  it("is as the backend is set, or not at all", async () => {
    const clock = at(Date.now())
    const validate = { every: "7d", sample: "50%", rate: "1B" }
    const backends = { m: { driver: "memory", validate }, n: { driver: "memory", validate: { every: "off" } } }
    const opened = await openMemory(keysOf(4), { backends }, clock)
    clock.time += 8 * DAY
    const release = holdReads(opened)
    await opened.services.validations.audit()
    expect(opened.store.validateStatus("n").rolling).toMatchObject({ every: null, due: null, number: 0 })
    const { rolling } = opened.store.validateStatus("m")
    expect(rolling).toMatchObject({ state: "running", every: 7 * DAY, sample: 0.5 })
    clock.time += 8 * DAY
    // At a byte a second it cannot be done in time, which is what is told.
    expect(opened.store.getBackend("m").validate).toMatchObject({ rolling: true, late: true })
    release()
  })
})

describe("a bucket", () => {
  async function openBucket(
    settings: object = {},
  ): Promise<OpenedStore & { write(key: string, text: string): Promise<void> }> {
    const bucket = await makeBucket()
    onTestFinished(() => bucket.remove())
    const s3 = { ...bucket.config(), scan: { prefix: "s3/", hash: true, every: "off" }, ...settings }
    const opened = await openTestStore({ backends: { s3, m: { driver: "memory" } }, defaultBackends: ["s3", "m"] })
    const write = async (key: string, text: string): Promise<void> => {
      await bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: key, Body: text }))
    }
    return { ...opened, write }
  }

  it("is only read when somebody asks; what is bad is kept and brought back, though the server vouches for it", async () => {
    const opened = await openBucket()
    const { store, services } = opened
    for (const key of ["a", "b"]) await store.put(Buffer.from(`content of ${key}`), { key, durability: "all" })
    expect(store.validateStatus("s3").rolling).toMatchObject({ every: null, due: null })
    expect(await validated(opened, "s3")).toMatchObject({ good: 2, bytes: 24 })
    expect(services.catalog.location("s3", "a")?.verified).toMatchObject({ by: "read-back" })
    // A server whose disk rots gives other bytes under the same etag.
    const { backend } = services.backends.get("s3")
    const get = backend.get.bind(backend)
    backend.recognise = async () => "same"
    let isRotten = true
    backend.get = async (key, options) => {
      const stream = await get(key, options)
      if (key !== "a" || !isRotten) return stream
      return stream.map((chunk: Buffer) => Buffer.from(chunk).fill("x"))
    }
    const put = backend.put.bind(backend)
    backend.put = async (...words) => {
      const written = await put(...words)
      isRotten = false
      return written
    }
    expect(await validated(opened, "s3")).toMatchObject({ good: 1, corrupt: 1, kept: 1, healing: 1 })
    expect(isRotten).toBe(false)
    expect(Object.values(await quarantined(opened))).toEqual(["x".repeat(12)])
    expect(await validated(opened, "s3")).toMatchObject({ good: 2, corrupt: 0 })
  })

  it("that is observed: an object that somebody has written over is an edit", async () => {
    const opened = await openBucket({ mode: "observe" })
    await opened.write("found", "before")
    await scanned(opened, "s3")
    await opened.write("found", "afterwards")
    const change = new Promise((resolve) => opened.store.on("change", resolve))
    expect(await validated(opened, "s3")).toMatchObject({ changed: 1, corrupt: 0 })
    expect(await change).toMatchObject({ checksum: idOf("afterwards"), version: 2 })
  })
})
