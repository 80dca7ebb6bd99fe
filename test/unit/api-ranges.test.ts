/** Ranges over real HTTP: which are served, which are refused, and never two contents in one answer. */
import { describe, expect, it } from "vitest"
import { HELLO, problem, put } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

describe("ranges", () => {
  it.each([
    ["bytes=0-4", "hello", "bytes 0-4/12"],
    ["bytes=7-", "world", "bytes 7-11/12"],
    ["bytes=-5", "world", "bytes 7-11/12"],
    ["bytes=-50", "hello, world", "bytes 0-11/12"],
    ["bytes=3-99999999999999999999", "lo, world", "bytes 3-11/12"],
    ["BYTES=11-11", "d", "bytes 11-11/12"],
  ])("%s", async (range, text, contentRange) => {
    const server = await listen(mapStore())
    await put(server, "a")
    const read = await fetch(`${server.url}/v1/objects/a`, { headers: { range } })
    expect([read.status, await read.text(), read.headers.get("content-range")]).toEqual([206, text, contentRange])
    expect(read.headers.get("content-length")).toBe(String(text.length))
  })

  it.each(["bytes=12-", "bytes=99-100", "bytes=-0"])("%s is not satisfiable", async (range) => {
    const server = await listen(mapStore())
    await put(server, "a")
    const read = await fetch(`${server.url}/v1/objects/a`, { headers: { range } })
    expect(read.headers.get("content-range")).toBe("bytes */12")
    expect(read.headers.get("etag")).toBeNull()
    expect(await problem(read)).toEqual([416, "INVALID_RANGE"])
  })

  it.each(["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "nonsense"])("%s serves the whole", async (range) => {
    const server = await listen(mapStore())
    await put(server, "a")
    const read = await fetch(`${server.url}/v1/objects/a`, { headers: { range } })
    expect([read.status, await read.text()]).toEqual([200, "hello, world"])
  })

  it("If-Range serves a part only of this very content", async () => {
    const server = await listen(mapStore())
    const tag = String((await put(server, "a")).headers.get("etag"))
    const read = (field: string) =>
      fetch(`${server.url}/v1/objects/a`, { headers: { range: "bytes=0-0", "if-range": field } })
    expect((await read(tag)).status).toBe(206)
    expect((await read('"other"')).status).toBe(200)
  })

  it("never mixes two contents where the object is replaced between looking and opening", async () => {
    const store = mapStore()
    const server = await listen({
      ...store,
      stat: async (name) => {
        const metadata = await store.stat(name)
        await store.put(Buffer.from(`${Math.random()}`), { key: "a" })
        return metadata
      },
    })
    await store.put(HELLO, { key: "a" })
    const read = await fetch(`${server.url}/v1/objects/a`, { headers: { range: "bytes=0-4" } })
    expect(await problem(read)).toEqual([409, "CONFLICT"])
  })
})
