/**
 * Row 39 of the fault table on a real S3 server: writes by presigned addresses that come late, or twice. Servers look at the signature when a request
 * begins and at nothing after; what lands brings no deleted object back, is no copy of anything, and is seen by whoever lists.
 */
import { once } from "node:events"
import { type ClientRequest, request } from "node:http"
import { expect, test } from "vitest"
import type { PresignedAddress } from "../../src/backends/backend.ts"
import { keysOf } from "../contract/backend/harness.ts"
import { type StoreOnS3, storeOnS3 } from "./s3-store.ts"
import { codeOf, readAll } from "./store-harness.ts"

const LATE = "0123456789"
/** s */
const SHORT = 2

async function addressOf({ services }: StoreOnS3, expiresIn: number, size = LATE.length): Promise<PresignedAddress> {
  const { backend } = services.backends.get("s3")
  return backend.presign!("PUT", "k", { expiresIn, size })
}

/** A PUT that has begun: its head and half of its body have come to the server. The rest comes when it is asked for; the status is the answer. */
function beginPut({ url, headers }: PresignedAddress): { sending: ClientRequest; finish(): Promise<number> } {
  const sending = request(url, { method: "PUT", headers })
  sending.write(LATE.slice(0, 5))
  const finish = async (): Promise<number> => {
    const answered = once(sending, "response")
    sending.end(LATE.slice(5))
    const [answer] = await answered
    answer.resume()
    return answer.statusCode
  }
  return { sending, finish }
}

async function putWhole({ url, headers }: PresignedAddress, body = LATE): Promise<number> {
  return (await fetch(url, { method: "PUT", headers, body })).status
}

/** Resolves when the address has run out by the server's clock too: only time tells that. */
function runOut({ expires }: PresignedAddress): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, expires - Date.now() + 1_100))
}

/** Servers tell times in whole seconds. */
function nextSecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_100))
}

/** Resolves once the server has been asked to write, and so has looked at the signature or is about to. */
function begun({ proxy }: StoreOnS3): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  proxy.fault = ({ operation }) => {
    if (operation === "PutObject") setImmediate(resolve)
    return null
  }
  return promise
}

test("39: what begins after the address ran out is refused; what began before lands whole, and a listing shows that nobody knows of it", async () => {
  const opened = await storeOnS3()
  const { store, services, bucket } = opened
  const address = await addressOf(opened, SHORT)
  const reached = begun(opened)
  const { finish } = beginPut(address)
  await reached
  await runOut(address)
  expect(await putWhole(address)).toBe(403)
  expect(await bucket.keys()).toEqual([])
  expect(await finish()).toBe(200)
  const { backend } = services.backends.get("s3")
  expect(await keysOf(backend)).toEqual(["k"])
  expect(await readAll(await backend.get("k"))).toEqual(Buffer.from(LATE))
  expect(await store.has("k")).toBe(false)
  expect(services.catalog.location("s3", "k")).toBeNull()
})

test("39: what lands after the object was deleted and swept does not bring it back, and the next put takes its place", async () => {
  const opened = await storeOnS3()
  const { store, services, bucket, expectGood } = opened
  await store.put(Buffer.from("deleted"), { key: "k" })
  await store.synced("k")
  const address = await addressOf(opened, 60)
  const reached = begun(opened)
  const { finish } = beginPut(address)
  await reached
  await store.delete("k")
  await store.idle()
  expect(await bucket.keys()).toEqual([])
  expect(await finish()).toBe(200)
  expect(await bucket.keys()).toEqual(["k"])
  expect(await codeOf(store.get("k"))).toBe("NOT_FOUND")
  expect(services.catalog.location("s3", "k")?.want ?? null).toBeNull()
  const next = Buffer.from("the next one")
  await store.put(next, { key: "k" })
  await store.synced("k")
  await expectGood(new Map([["k", next]]))
})

test("39: one that is delivered again over newer bytes is not taken for them: nothing is dropped for it, and the copy is mended", async () => {
  const opened = await storeOnS3()
  const { store, expectGood } = opened
  const address = await addressOf(opened, 60)
  expect(await putWhole(address)).toBe(200)
  // As long as the late bytes, so that no size tells them apart.
  const newer = Buffer.from("newer bytes".slice(0, LATE.length))
  await store.put(newer, { key: "k" })
  await store.synced("k")
  await nextSecond()
  expect(await putWhole(address)).toBe(200)
  expect(await store.cache.clear()).toMatchObject({ evicted: 0 })
  expect(await store.get("k")).toEqual(newer)
  await store.synced("k")
  await expectGood(new Map([["k", newer]]))
  expect(await store.cache.clear()).toMatchObject({ evicted: 1 })
  expect(await store.get("k")).toEqual(newer)
})

test("39: one that is delivered while the object is written loses to it, or is replaced", async () => {
  const opened = await storeOnS3()
  const { store, proxy, expectGood } = opened
  const address = await addressOf(opened, 60)
  const ours = Buffer.from("ours")
  let delivered = 0
  proxy.fault = async ({ operation, headers }) => {
    if (operation !== "PutObject" || headers.authorization === undefined || delivered === 2) return null
    delivered += 1
    expect(await putWhole(address)).toBe(200)
    return null
  }
  await store.put(ours, { key: "k" })
  await store.synced("k")
  expect(delivered).toBe(2)
  await expectGood(new Map([["k", ours]]))
})
