/** Rows 16 and 17: reads that are cut short, reset, stand still or drip. Who reads sees an error and never a clean end; nothing wrong is cached. */
import { Readable } from "node:stream"
import { expect, test } from "vitest"
import { BodyStream } from "../../src/backends/s3/body-stream.ts"
import { isStoredError } from "../../src/core/error.ts"
import { pattern } from "../contract/backend/harness.ts"
import type { Fault } from "./s3-proxy.ts"
import { type StoreOnS3, storeOnS3 } from "./s3-store.ts"
import { readAll } from "./store-harness.ts"

const CONTENT = pattern(900_000)

const shorter: Fault = {
  change: ({ headers }) => {
    headers["content-length"] = "500000"
  },
  body: (body) => body.subarray(0, 500_000),
}

async function proven(): Promise<StoreOnS3> {
  const opened = await storeOnS3({ timeouts: { connect: 500, answer: 400, idle: 400 } })
  await opened.store.put(CONTENT, { key: "k" })
  await opened.store.synced("k")
  await opened.store.cache.clear()
  opened.proxy.forget()
  return opened
}

/** The codes of an error and of what caused it. */
async function codesOf(read: Promise<unknown>): Promise<string[]> {
  const codes: string[] = []
  const failure = await read.then(
    () => null,
    (error: unknown) => error,
  )
  for (let error = failure; isStoredError(error); error = error.cause) codes.push(error.code)
  return codes
}

test.each<[string, Fault, string]>([
  ["is reset in its midst", { cutAfter: 400_000 }, "BACKEND_UNAVAILABLE"],
  ["is reset after its first byte", { cutAfter: 1 }, "BACKEND_UNAVAILABLE"],
  ["stands still", { stallAfter: 400_000 }, "TIMEOUT"],
  ["stands still before its first byte", "stall", "TIMEOUT"],
])("a read whose body %s is an error, and what comes after is right", async (_what, fault, code) => {
  const { store, proxy, expectGood } = await proven()
  proxy.fault = ({ operation, nth }) => (operation === "GetObject" && nth <= 2 ? fault : null)
  expect(await codesOf(store.get("k"))).toContain(code)
  proxy.fault = () => null
  expect((await readAll(await store.get("k", { stream: true }))).equals(CONTENT)).toBe(true)
  await expectGood(new Map([["k", CONTENT]]))
})

test.each<[string, Fault]>([
  ["ends early and claims to be whole", shorter],
  ["has other bytes", { change: () => {}, body: (body) => Buffer.from(body.fill(0, 100, 200)) }],
])("a read whose body %s is an error, and the copy is not called good any more", async (_what, fault) => {
  const { store, proxy, services } = await proven()
  proxy.fault = ({ operation }) => (operation === "GetObject" ? fault : null)
  expect(await codesOf(store.get("k"))).toContain("CORRUPT")
  await store.idle()
  expect(services.catalog.location("s3", "k")?.state).not.toBe("synced")
  expect(await store.stat("k")).toMatchObject({ staged: false })
})

test("a body that drips is given up, whatever little comes; a reader who is slow himself is not", async () => {
  const options = { key: "k", size: 1000, idle: 80, signal: undefined }
  const drip = new Readable({ read() {} })
  const timer = setInterval(() => drip.push("x"), 10)
  await expect(readAll(new BodyStream(drip, options))).rejects.toMatchObject({ code: "TIMEOUT", retryable: true })
  clearInterval(timer)
  expect(drip.destroyed).toBe(true)

  const pieces = Array.from({ length: 4 }, () => Buffer.alloc(100_000))
  const quick = new BodyStream(Readable.from(pieces, { objectMode: false }), { ...options, size: 400_000 })
  let seen = 0
  for await (const chunk of quick) {
    seen += (chunk as Buffer).length
    await new Promise((next) => setTimeout(next, 100))
  }
  expect(seen).toBe(400_000)
})

test.each([999, 1001])("a body of %i bytes where 1,000 were announced never ends cleanly", async (bytes) => {
  const options = { key: "k", size: 1000, idle: 1000, signal: undefined }
  const body = new BodyStream(Readable.from([Buffer.alloc(bytes)], { objectMode: false }), options)
  await expect(readAll(body)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
})

test("a body whose connection closes without a word never ends cleanly", async () => {
  const silent = new Readable({ read() {} })
  const body = new BodyStream(silent, { key: "k", size: undefined, idle: 1000, signal: undefined })
  silent.push("half")
  setImmediate(() => silent.destroy())
  await expect(readAll(body)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
})

test("several readers of one object share one GET, and fail with it when it breaks off", async () => {
  const { store, proxy, expectGood } = await proven()
  proxy.fault = ({ operation }) => (operation === "GetObject" ? { cutAfter: 400_000 } : null)
  const readAtOnce = (): Promise<Buffer>[] => [
    store.get("k"),
    store.get("k", { stream: true }).then(readAll),
    store.get("k", { stream: true }).then(readAll),
  ]
  const broken = await Promise.allSettled(readAtOnce())
  expect(broken.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"])
  expect(proxy.count("GetObject")).toBe(1)
  expect(await store.stat("k")).toMatchObject({ staged: false })
  proxy.fault = () => null
  for (const bytes of await Promise.all(readAtOnce())) expect(bytes.equals(CONTENT)).toBe(true)
  expect(proxy.count("GetObject")).toBe(2)
  expect(await store.stat("k")).toMatchObject({ staged: true })
  await expectGood(new Map([["k", CONTENT]]))
})
