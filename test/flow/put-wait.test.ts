/** A put that waits for copies (R9) ends with its wait: committed, safe here, and plainly not satisfied; at each door. */
import { Readable } from "node:stream"
import { expect, onTestFinished, test } from "vitest"
import { connect } from "../../src/client.ts"
import { createGate, holdAt } from "../fault/store-harness.ts"
import { listen } from "../unit/api-server.ts"
import { runLine } from "./cli-line.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

const bytes = Buffer.from("the quick brown fox")

/** A store whose backend `b` holds every write of `k` at a gate. */
async function withHeldBackend(waitMs?: number) {
  const opened = await openTestStore({ ...(waitMs !== undefined && { waitMs }) })
  const gate = createGate()
  // The store closes sooner where nothing hangs.
  onTestFinished(() => gate.open())
  memoryBackend(opened, "b").intercept = (operation) => (operation === "put" ? gate.pass() : undefined)
  return { ...opened, gate }
}

test("resolves when the wait runs out, with what is known; the copy comes later", async () => {
  const { store, gate } = await withHeldBackend()
  const record = await store.put(bytes, { key: "k", durability: "all", waitMs: 20 })
  expect(record).toMatchObject({ key: "k", version: 1, isNew: true, satisfied: false, staged: true })
  expect(record.locations.find((location) => location.backend === "b")?.synced).toBe(false)
  expect(await store.get("k")).toEqual(bytes)
  gate.open()
  await store.synced("k")
})

test("is satisfied where the copies are there in time, and where none were asked for", async () => {
  const { store } = await withHeldBackend()
  expect(await store.put(bytes, { key: "k", durability: "copies:1" })).toMatchObject({ satisfied: true })
  expect(await store.put(bytes, { key: "l", waitMs: 0 })).toMatchObject({ satisfied: true })
})

test("takes the wait that is configured where the put says none", async () => {
  const { store } = await withHeldBackend(0)
  expect(await store.put(bytes, { key: "k", durability: "all" })).toMatchObject({ satisfied: false })
})

test("an abort ends the wait and says that the put stands", async () => {
  const { store, gate } = await withHeldBackend()
  const abort = new AbortController()
  const put = store.put(bytes, { key: "k", durability: "all", signal: abort.signal })
  await gate.reached
  abort.abort()
  await expect(put).rejects.toMatchObject({ code: "ABORTED", details: { committed: { key: "k", version: 1 } } })
  expect(await store.has("k")).toBe(true)
})

test("an abort before the commit refuses the put", async () => {
  const { store } = await withHeldBackend()
  const put = store.put(bytes, { key: "k", durability: "all", signal: AbortSignal.abort() })
  await expect(put).rejects.toMatchObject({ code: "ABORTED" })
  expect(await store.has("k")).toBe(false)
})

test("a store that closes ends the wait, and the put is there when it opens again", async () => {
  const { store, gate, directory } = await withHeldBackend()
  const put = store.put(bytes, { key: "k", durability: "all" })
  await gate.reached
  const closed = store.close({ deadline: 50 })
  expect(await put).toMatchObject({ satisfied: false })
  await closed
  const again = await openTestStore({ data: directory })
  expect(await again.store.get("k")).toEqual(bytes)
})

test.each([-1, 1.5, "5", Number.NaN, 2 ** 31])("refuses a wait of %j", async (waitMs) => {
  const { store } = await withHeldBackend()
  const put = store.put(bytes, { key: "k", waitMs: waitMs as number })
  await expect(put).rejects.toMatchObject({ code: "INVALID_INPUT", message: expect.stringMatching(/waitMs is /) })
  expect(await store.has("k")).toBe(false)
})

test("HTTP answers 202 with the record, 201 and 200 where the copies came in time", async () => {
  const { store, gate } = await withHeldBackend()
  const { url } = await listen(store)
  const put = (headers: Record<string, string>) => fetch(`${url}/v1/objects/k`, { method: "PUT", body: bytes, headers })
  const answer = await put({ "x-stored-durability": "all", "x-stored-wait": "10" })
  expect(answer.status).toBe(202)
  expect(answer.headers.get("location")).toBe("/v1/objects/k")
  expect(await answer.json()).toMatchObject({ key: "k", isNew: true, satisfied: false })
  gate.open()
  expect((await put({ "x-stored-durability": "all" })).status).toBe(200)
  expect((await put({ "x-stored-wait": "soon" })).status).toBe(400)
  expect((await put({ "x-stored-wait": "999999999999" })).status).toBe(400)
  expect((await fetch(`${url}/v1/objects/new`, { method: "PUT", body: bytes })).status).toBe(201)
})

test("the client tells the same, also whether the key was new", async () => {
  const { store } = await withHeldBackend()
  const remote = connect((await listen(store)).url)
  expect(await remote.put(bytes, { key: "k", durability: "all", waitMs: 5 })).toMatchObject({
    isNew: true,
    satisfied: false,
  })
})

test("the command line prints the record, says in one line what is missing, and ends with 5", async () => {
  const opened = await openTestStore()
  const gate = createGate()
  memoryBackend(opened, "b").intercept = holdAt(gate, "put", "k")
  const access = { ...opened.store, idle: async () => {} }
  const words = ["--json", "put", "-", "-k", "k", "--wait", "--wait-ms", "10"]
  const said = await runLine(words, { access, stdin: Readable.from([bytes]) })
  expect(said.code).toBe(5)
  expect(JSON.parse(said.out)).toMatchObject({ key: "k", satisfied: false })
  const fault = JSON.parse(said.err) as { code: string; details: { missing: string[] } }
  expect(fault.code).toBe("TIMEOUT")
  expect(fault.details.missing).toContain("b")
  gate.open()
})
