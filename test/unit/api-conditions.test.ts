/** Conditions of puts, deletes and reads over real HTTP. */
import { describe, expect, it } from "vitest"
import { problem, put } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

describe("conditions", () => {
  it("If-None-Match: * puts once", async () => {
    const server = await listen(mapStore())
    const headers = { "if-none-match": "*" }
    expect((await put(server, "a", "1", headers)).status).toBe(201)
    expect(await problem(await put(server, "a", "2", headers))).toEqual([412, "CONFLICT"])
  })

  it.each<[string, (tag: string) => Record<string, string>, number]>([
    ["If-Match with the id", (tag) => ({ "if-match": tag }), 200],
    ["If-Match with one of several", (tag) => ({ "if-match": `"x", ${tag}` }), 200],
    ["If-Match with the version", () => ({ "if-match": '"1"' }), 200],
    ["If-Match: *", () => ({ "if-match": "*" }), 200],
    ["X-Stored-If-Version", () => ({ "x-stored-if-version": "1" }), 200],
    ["If-Match with another id", () => ({ "if-match": `"sha256:${"0".repeat(64)}"` }), 412],
    ["a weak If-Match", (tag) => ({ "if-match": `W/${tag}` }), 412],
    ["If-Match with another version", () => ({ "if-match": '"2"' }), 412],
    ["X-Stored-If-Version with another", () => ({ "x-stored-if-version": "0" }), 412],
  ])("%s", async (_, headers, status) => {
    const server = await listen(mapStore())
    const tag = String((await put(server, "a")).headers.get("etag"))
    const replaced = await put(server, "a", "new", headers(tag))
    expect(replaced.status).toBe(status)
    expect(await (await fetch(`${server.url}/v1/objects/a`)).text()).toBe(status === 200 ? "new" : "hello, world")
  })

  it("hold for DELETE too", async () => {
    const server = await listen(mapStore())
    await put(server, "a")
    const remove = (headers: Record<string, string>) =>
      fetch(`${server.url}/v1/objects/a`, { method: "DELETE", headers })
    expect(await problem(await remove({ "if-match": '"7"' }))).toEqual([412, "CONFLICT"])
    expect((await remove({ "if-match": '"1"' })).status).toBe(200)
    expect(await problem(await remove({ "if-match": "*" }))).toEqual([412, "CONFLICT"])
    expect(await problem(await remove({}))).toEqual([404, "NOT_FOUND"])
  })

  it("If-None-Match on a read answers 304 without a body", async () => {
    const server = await listen(mapStore())
    const tag = String((await put(server, "a")).headers.get("etag"))
    for (const field of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
      for (const method of ["GET", "HEAD"]) {
        const headers = { "if-none-match": field }
        const read = await fetch(`${server.url}/v1/objects/a`, { method, headers })
        expect([read.status, read.headers.get("etag"), await read.text()]).toEqual([304, tag, ""])
      }
    }
    const other = await fetch(`${server.url}/v1/objects/a`, { headers: { "if-none-match": '"x"' } })
    expect(other.status).toBe(200)
  })
})
