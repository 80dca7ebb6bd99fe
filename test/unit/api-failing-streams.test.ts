/** Streams that fail while they are served: no client takes them for whole. */
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { exchange, listen } from "./api-server.ts"
import { CLOSE, serving } from "./api-watched-store.ts"

describe("a stream that fails", () => {
  it("late cuts the connection: the client never sees a clean end", async () => {
    const broken = () =>
      Readable.from(
        (async function* () {
          yield Buffer.alloc(65_536, "a")
          await new Promise((resolve) => setImmediate(resolve))
          throw new StoredError("CORRUPT", "The bytes do not hash to their id.")
        })(),
      )
    const store = serving(broken)
    await store.put(Buffer.alloc(100_000), { key: "a" })
    const { port, url } = await listen(store)
    const answer = await exchange(port, `GET /v1/objects/a HTTP/1.1\r\n${CLOSE}\r\n`)
    const [head, body = ""] = answer.split("\r\n\r\n", 2)
    expect(head).toMatch(/content-length: 100000/i)
    expect(head).not.toMatch(/transfer-encoding/i)
    expect(body.length).toBeLessThan(100_000)
    await expect(fetch(`${url}/v1/objects/a`).then((read) => read.arrayBuffer())).rejects.toThrow()
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })

  it("before its first byte is an honest error, with nothing of the blob in it", async () => {
    const store = serving(() => {
      const stream = new Readable({ read() {} })
      setImmediate(() =>
        stream.destroy(new StoredError("COPY_UNAVAILABLE", "The copy cannot be read.", { details: { others: ["b"] } })),
      )
      return stream
    })
    await store.put(Buffer.alloc(100), { key: "a" })
    const { url } = await listen(store)
    const answer = await fetch(`${url}/v1/objects/a`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: "COPY_UNAVAILABLE", details: { others: ["b"] } })
    for (const name of ["etag", "content-disposition", "accept-ranges", "last-modified", "repr-digest"]) {
      expect(answer.headers.get(name), name).toBeNull()
    }
  })
})
