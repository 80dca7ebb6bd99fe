/** `Last-Modified` is that of what is served: a new version moves it, what becomes of its copies does not. */
import { expect, it } from "vitest"
import { createGate } from "../fault/store-harness.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { put } from "./api-requests.ts"
import { listen } from "./api-server.ts"

const HOUR = 3_600_000

it("a proven copy does not move it, a put does, and content by its id keeps the time of its first", async () => {
  const first = Date.UTC(2030, 0, 1)
  const clock = { time: first, now: () => clock.time }
  const opened = await openTestStore({ backends: { a: { driver: "memory" } } }, { clock })
  const { store } = opened
  const gate = createGate()
  memoryBackend(opened, "a").intercept = (operation) => (operation === "put" ? gate.pass() : undefined)
  const server = await listen(store)
  const modifiedOf = async (path: string, method = "GET", headers = {}): Promise<number> => {
    const answer = await fetch(`${server.url}/v1/${path}`, { method, headers })
    await answer.arrayBuffer()
    return Date.parse(answer.headers.get("last-modified") ?? "none")
  }

  const etag = String((await put(server, "k")).headers.get("etag"))
  await gate.reached
  clock.time += HOUR
  gate.open()
  const { id, modified, written } = await store.synced("k")
  expect([modified, written]).toEqual([first + HOUR, first])
  expect(await modifiedOf("objects/k")).toBe(first)
  expect(await modifiedOf("objects/k", "HEAD")).toBe(first)
  expect(await modifiedOf("objects/k", "GET", { "if-none-match": etag })).toBe(first)

  clock.time += HOUR
  await put(server, "k")
  expect(await modifiedOf("objects/k")).toBe(first + 2 * HOUR)
  expect(await modifiedOf(`blobs/${id}`)).toBe(first)
})
