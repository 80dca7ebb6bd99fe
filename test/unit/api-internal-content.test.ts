/** What workers read of the server, and what they tell it of content. */
import { once } from "node:events"
import { request } from "node:http"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import type { InternalServices } from "../../src/api/internal-services.ts"
import { BEARER, serve } from "./api-internal-harness.ts"
import { problem } from "./api-requests.ts"
import { ID } from "./worker-desk.ts"

describe("the content of a job", () => {
  const BYTES = Buffer.from("0123456789")
  const asked: unknown[][] = []
  const content: InternalServices["content"] = async (...words) => {
    asked.push(words)
    return {
      size: BYTES.length,
      read: ({ start, end } = { start: 0, end: 10 }) => Readable.from([BYTES.subarray(start, end)]),
    }
  }
  const get = (url: string, query: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/internal/content/${ID}${query}`, { headers: { ...BEARER, ...headers } })

  it("comes whole or from any byte on, described by its length", async () => {
    const { url } = await serve({ content })
    const whole = await get(url, "?size=10&backend=b&key=a%2Fb")
    expect([whole.status, whole.headers.get("content-length"), await whole.text()]).toEqual([200, "10", "0123456789"])
    expect(asked.at(-1)!.slice(0, 2)).toEqual([ID, 10])
    expect(asked.at(-1)![3]).toEqual({ backend: "b", key: "a/b" })
    const rest = await get(url, "?size=10", { range: "bytes=7-" })
    expect([rest.status, rest.headers.get("content-range"), await rest.text()]).toEqual([206, "bytes 7-9/10", "789"])
    expect(asked.at(-1)![3]).toBeUndefined()
    const part = await get(url, "?size=10", { range: "bytes=2-3" })
    expect([part.headers.get("content-length"), await part.text()]).toEqual(["2", "23"])
  })

  it.each<[string, string, Record<string, string>, number, string]>([
    ["without a size", "", {}, 400, "INVALID_INPUT"],
    ["with a size that is none", "?size=-1", {}, 400, "INVALID_INPUT"],
    ["with a backend and no key", "?size=10&backend=b", {}, 400, "INVALID_INPUT"],
    ["with a name that is none", "?size=10&token=x", {}, 400, "INVALID_INPUT"],
    ["with another size than it has", "?size=11", {}, 400, "SIZE_MISMATCH"],
    ["from behind its end", "?size=10", { range: "bytes=10-" }, 416, "INVALID_RANGE"],
  ])("asked for %s is refused", async (_, query, headers, status, code) => {
    const { url } = await serve({ content })
    expect(await problem(await get(url, query, headers))).toEqual([status, code])
  })

  it("needs the id of a blob", async () => {
    const { url } = await serve({ content })
    for (const id of ["x", "md5:0123456789abcdef0123456789abcdef", `${ID}/..`]) {
      const response = await fetch(`${url}/internal/content/${encodeURIComponent(id)}?size=1`, { headers: BEARER })
      expect(await problem(response), id).toEqual([400, "INVALID_INPUT"])
    }
  })

  it("is let go where the worker goes away half-way", async () => {
    const closed = Promise.withResolvers<void>()
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
      destroy: (error, done) => {
        closed.resolve()
        done(error)
      },
    })
    const { port } = await serve({ content: async () => ({ size: 2 ** 40, read: () => endless }) })
    const download = request({ port, path: `/internal/content/${ID}?size=${2 ** 40}`, headers: BEARER }).end()
    const [response] = await once(download, "response")
    await once(response, "data")
    response.destroy()
    await closed.promise
  })

  it("is no longer looked for where the worker goes away before it begins", async () => {
    const looking = Promise.withResolvers<AbortSignal>()
    const { port } = await serve({
      content: (_id, _size, signal) => {
        looking.resolve(signal)
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      },
    })
    const download = request({ port, path: `/internal/content/${ID}?size=1`, headers: BEARER }).end()
    download.on("error", () => {})
    const signal = await looking.promise
    const aborted = once(signal, "abort")
    download.destroy()
    await aborted
  })
})

describe("a blob that is suspected", () => {
  it("is looked at again before the answer", async () => {
    const seen: string[] = []
    const { url } = await serve({ suspect: async (id) => void seen.push(id) })
    const response = await fetch(`${url}/internal/suspect/${ID}`, { method: "POST", headers: BEARER })
    expect([response.status, seen]).toEqual([204, [ID]])
    expect((await fetch(`${url}/internal/suspect/x`, { method: "POST", headers: BEARER })).status).toBe(400)
  })
})
