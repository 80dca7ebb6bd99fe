/**
 * Archives over HTTP. Row 48: a source that fails midway breaks the connection, so that no client takes what came for an archive; sources are open one at a time, and only as fast as the
 * client reads.
 */
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { run } from "../programs.ts"
import { problem } from "./api-requests.ts"
import { exchange, listen, openSocket } from "./api-server.ts"
import { bytes, watchedSources } from "./archive-sources.ts"

const FORMATS = ["format=zip", "format=zip&compress=6", "format=tar", "format=tar.gz"]
const EACH = 200_000

/** Fails in the middle of the third one of five. */
async function* failing(index: number, size: number): AsyncGenerator<Buffer> {
  if (index !== 2) return yield* bytes(index, size)
  yield* bytes(index, 100_000)
  throw new StoredError("CORRUPT", "The bytes do not hash to their id.")
}

async function* short(index: number, size: number): AsyncGenerator<Buffer> {
  yield* bytes(index, index === 2 ? size - 1 : size)
}

async function* long(index: number, size: number): AsyncGenerator<Buffer> {
  yield* bytes(index, index === 2 ? size + 1 : size)
}

const five = [EACH, EACH, EACH, EACH, EACH]

describe.each(FORMATS)("an archive (%s)", (query) => {
  it.each([
    ["fails", failing],
    ["has too few bytes", short],
    ["has too many bytes", long],
  ])("of which a source %s never looks whole", async (_what, content) => {
    const { store, opened } = await watchedSources(five, content)
    const { url, port } = await listen(store)
    const path = `/v1/archive?prefix=p/&${query}`
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const [head = "", body = ""] = [
      answer.slice(0, answer.indexOf("\r\n\r\n")),
      answer.slice(answer.indexOf("\r\n\r\n") + 4),
    ]
    expect(head).toMatch(/^HTTP\/1\.1 200 /)
    const length = /content-length: (\d+)/i.exec(head)?.[1]
    if (length === undefined) {
      expect(head).toMatch(/transfer-encoding: chunked/i)
      expect(body).not.toMatch(/\r\n0\r\n\r\n$/)
    } else expect(body.length).toBeLessThan(Number(length))
    expect(opened).toEqual(["p/0", "p/1", "p/2"])
    await expect(fetch(url + path).then((read) => read.arrayBuffer())).rejects.toThrow()
    // curl tells its user: 18 is an incomplete answer.
    await expect(run("curl", ["-sf", url + path, "-o", "/dev/null"])).rejects.toMatchObject({ code: 18 })
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })

  it("opens one source at a time, each when the one before it is read", async () => {
    const watched = await watchedSources(five)
    const { url } = await listen(watched.store)
    await (await fetch(`${url}/v1/archive?prefix=p/&${query}`)).arrayBuffer()
    expect(watched).toMatchObject({ most: 1, now: 0, taken: 5 * EACH })
    expect(watched.opened).toHaveLength(5)
  })
})

describe("a client", () => {
  it("that does not read stops the sources, and one that leaves frees them", async () => {
    const size = 256 * 2 ** 20
    const watched = await watchedSources([size])
    const { port } = await listen(watched.store)
    const socket = openSocket(port)
    socket.write("GET /v1/archive?prefix=p/&format=tar HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await once(socket, "readable")
    let taken = -1
    // Until nothing more is taken: the buffers on the way are full.
    while (watched.taken !== taken) {
      taken = watched.taken
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(watched.taken).toBeLessThan(32 * 2 ** 20)
    socket.destroy()
    await watched.freed
    expect(watched.now).toBe(0)
  })

  it("that leaves while a source gives nothing frees it", async () => {
    const hung = Promise.withResolvers<Buffer>()
    const left = Promise.withResolvers<void>()
    const watched = await watchedSources([100, 100], async function* (index, size) {
      if (index === 0) return yield* bytes(index, size)
      yield await hung.promise
    })
    const { store } = watched
    const { port } = await listen({
      ...store,
      archive: async (options) => {
        const opened = await store.archive(options)
        opened.stream.once("close", () => left.resolve())
        return opened
      },
    })
    const socket = openSocket(port)
    socket.write("GET /v1/archive?prefix=p/&format=tar HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await once(socket, "data")
    socket.destroy()
    await left.promise
    hung.resolve(Buffer.alloc(1))
  })
})

describe("the answer", () => {
  it("says what is not there before the first byte, and which keys", async () => {
    const { store } = await watchedSources([1, 1])
    const { url } = await listen(store)
    const post = (body: unknown) => fetch(`${url}/v1/archive`, { method: "POST", body: JSON.stringify(body) })
    const answer = await post({ keys: ["p/0", "p/9"] })
    expect(await answer.clone().json()).toMatchObject({ details: { keys: ["p/9"], count: 1 } })
    expect(await problem(answer)).toEqual([404, "NOT_FOUND"])
    expect(await problem(await fetch(`${url}/v1/archive?prefix=none/`))).toEqual([404, "NOT_FOUND"])
    expect(await problem(await fetch(`${url}/v1/archive`))).toEqual([400, "INVALID_INPUT"])
    expect(await problem(await fetch(`${url}/v1/archive?prefix=p/&format=rar`))).toEqual([400, "INVALID_INPUT"])
    expect(await problem(await post({ keys: ["p/0"], prefix: "p/" }))).toEqual([400, "INVALID_INPUT"])
    expect(await problem(await post({ keys: ["../x"] }))).toEqual([400, "INVALID_KEY"])
  })

  it("is saved under its name, and has a length where it can be known", async () => {
    const { store } = await watchedSources([1_000, 1_000])
    const { url } = await listen(store)
    const folder = await mkdtemp(join(tmpdir(), "stored-archive-"))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    for (const query of FORMATS) {
      const path = `${url}/v1/archive?prefix=p/&${query}&name=r%C3%A9sum%C3%A9`
      const { headers } = await fetch(path, { method: "HEAD" })
      const ending = /format=([^&]+)/.exec(query)![1]
      expect(headers.get("content-disposition")).toBe(
        `attachment; filename=r_sum_.${ending}; filename*=UTF-8''r%C3%A9sum%C3%A9.${ending}`,
      )
      const { size_download: size } = JSON.parse(
        (await run("curl", ["-sf", path, "-o", join(folder, "out"), "-w", "%{json}"])).stdout,
      ) as { size_download: number }
      const length = headers.get("content-length")
      expect(length).toBe(/compress|gz/.test(query) ? null : String(size))
    }
  })
})
