/** The bytes of a job: from a disk that is shared, or over HTTP from a server that cuts, hangs, lies and comes back. */
import { mkdir, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { dirname, join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import type { ByteRange } from "../../src/core/blob-source.ts"
import { contentPath, layoutOf } from "../../src/staging/layout.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { StagedContent } from "../../workers/staged-content.ts"
import { readAll } from "../fault/store-harness.ts"
import { temporaryDirectory } from "../flow/open-store.ts"
import { ID, TOKEN } from "./worker-desk.ts"

const BYTES = Buffer.from(Array.from({ length: 3 * 2 ** 20 }, (_, index) => (index * 31) % 251))
const NEVER = new AbortController().signal
const FAST = { silence: 50, backoff: { first: 1, most: 2 } }

type Answer = (request: IncomingMessage, response: ServerResponse, turn: number) => void

/** A server whose answers the test writes; the last one is given again and again. */
async function serve(...answers: Answer[]) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    const turn = requests.push(request) - 1
    answers[Math.min(turn, answers.length - 1)]!(request, response, turn)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const client = new ServerClient({ url: new URL(`http://127.0.0.1:${port}`), token: TOKEN, deadline: 60_000 })
  onTestFinished(async () => {
    client.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { requests, client, content: new StagedContent(client, FAST) }
}

const rangeOf = ({ headers }: IncomingMessage): ByteRange => {
  const match = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "")
  return match ? { start: Number(match[1]), end: Number(match[2]) + 1 } : { start: 0, end: BYTES.length }
}

function head(request: IncomingMessage, response: ServerResponse, more: Record<string, string> = {}): Buffer {
  const { start, end } = rangeOf(request)
  const headers = {
    "content-length": String(end - start),
    ...(request.headers.range && { "content-range": `bytes ${start}-${end - 1}/${BYTES.length}` }),
    ...more,
  }
  response.writeHead(request.headers.range ? 206 : 200, headers)
  return BYTES.subarray(start, end)
}

const good: Answer = (request, response) => void response.end(head(request, response))
const cutAt =
  (count: number): Answer =>
  (request, response) => {
    response.write(head(request, response).subarray(0, count), () => response.destroy())
  }
const hangAt =
  (count: number): Answer =>
  (request, response) =>
    void response.write(head(request, response).subarray(0, count))
const refuse =
  (status: number, problem: object): Answer =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(problem))
  }

describe("over HTTP", () => {
  it("every read is a fresh stream, of the whole or of a range", async () => {
    const { content, requests } = await serve(good)
    const source = await content.source(ID, BYTES.length, NEVER, { backend: "b", key: "a b/ö" })
    expect([source.size, source.path, requests.length]).toEqual([BYTES.length, undefined, 0])
    expect((await readAll(source.read())).equals(BYTES)).toBe(true)
    expect((await readAll(source.read())).equals(BYTES)).toBe(true)
    expect((await readAll(source.read({ start: 5, end: 9 }))).equals(BYTES.subarray(5, 9))).toBe(true)
    expect((await readAll(source.read({ start: 5, end: 5 }))).length).toBe(0)
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined, "bytes=5-8"])
    const url = new URL(requests[0]!.url!, "http://x")
    expect(url.pathname).toBe(`/internal/content/${ID}`)
    expect(Object.fromEntries(url.searchParams)).toEqual({ size: String(BYTES.length), backend: "b", key: "a b/ö" })
    expect(requests[0]!.headers.authorization).toBe(`Bearer ${TOKEN}`)
  })

  it("an empty blob asks for nothing", async () => {
    const { content, requests } = await serve(good)
    expect((await readAll((await content.source(ID, 0, NEVER)).read())).length).toBe(0)
    expect(requests).toEqual([])
  })

  it.each<[string, Answer]>([
    ["cuts", cutAt(1_000_003)],
    ["falls silent", hangAt(1_000_003)],
  ])("a server that %s half-way is asked for the rest", async (_, broken) => {
    const { content, requests } = await serve(broken, good)
    const bytes = await readAll((await content.source(ID, BYTES.length, NEVER)).read())
    expect(bytes.equals(BYTES)).toBe(true)
    expect(requests).toHaveLength(2)
    expect(rangeOf(requests[1]!)).toEqual({ start: expect.any(Number), end: BYTES.length })
    expect(rangeOf(requests[1]!).start).toBeLessThanOrEqual(1_000_003)
  })

  it.each<[string, Answer]>([
    ["cuts at once, always", cutAt(0)],
    [
      "says it is shorter",
      (request, response) => void response.end(head(request, response, { "content-length": "10" }).subarray(0, 10)),
    ],
    [
      "says it is longer",
      (request, response) =>
        void response.end(
          Buffer.concat([head(request, response, { "content-length": String(BYTES.length + 1) }), Buffer.alloc(1)]),
        ),
    ],
    ["says no length", (request, response) => void response.writeHead(200).end(BYTES.subarray(rangeOf(request).start))],
    [
      "says another range",
      (_request, response) =>
        void response
          .writeHead(206, {
            "content-length": String(BYTES.length),
            "content-range": `bytes 1-${BYTES.length}/${BYTES.length + 1}`,
          })
          .end(BYTES),
    ],
    ["is another server", (_request, response) => void response.writeHead(302, { location: "/" }).end()],
    ["refuses the token", refuse(401, { type: "about:blank", status: 401 })],
    ["is starting", refuse(503, { code: "CLOSED", detail: "The store is starting.", retryable: true })],
    ["cannot reach the other copy", refuse(503, { code: "BACKEND_UNAVAILABLE", detail: "Away.", retryable: true })],
  ])(
    "a server that %s is the source's fault, after a number of tries, with no byte more or less",
    async (_, broken) => {
      const { content, requests } = await serve(broken)
      const source = await content.source(ID, BYTES.length, NEVER)
      const seen: Buffer[] = []
      const reading = (async () => {
        for await (const chunk of source.read()) seen.push(chunk as Buffer)
      })()
      await expect(reading).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
      expect(requests).toHaveLength(11)
      expect(Buffer.concat(seen).equals(BYTES.subarray(0, Buffer.concat(seen).length))).toBe(true)
    },
  )

  it("tries that bring something do not count", async () => {
    const { content, requests } = await serve((request, response, turn) => {
      const bytes = head(request, response)
      if (turn === 20) response.end(bytes)
      // After each good piece as many bad tries as may come in a row.
      else response.write(turn % 10 === 0 ? bytes.subarray(0, 1.4 * 2 ** 20) : "", () => response.destroy())
    })
    const bytes = await readAll((await content.source(ID, BYTES.length, NEVER)).read())
    expect(bytes.equals(BYTES)).toBe(true)
    expect(requests.length).toBeGreaterThan(11)
  })

  it("a fault that stays is told as it is, at once", async () => {
    const { content, requests } = await serve(
      refuse(500, { code: "CORRUPT", detail: "No good copy.", retryable: false }),
    )
    const reading = readAll((await content.source(ID, BYTES.length, NEVER)).read())
    await expect(reading).rejects.toMatchObject({ code: "CORRUPT", retryable: false, message: "No good copy." })
    expect(requests).toHaveLength(1)
  })

  it.each<[string, Answer]>([
    ["before the answer", () => {}],
    ["half-way", hangAt(1_000)],
  ])("an abort %s ends it and its connection", async (_, answer) => {
    const closed = Promise.withResolvers<void>()
    const began = Promise.withResolvers<void>()
    const { client } = await serve((request, response, turn) => {
      response.on("close", () => closed.resolve())
      answer(request, response, turn)
      began.resolve()
    })
    const control = new AbortController()
    const source = await new StagedContent(client, { silence: 60_000 }).source(ID, BYTES.length, control.signal)
    const reading = expect(readAll(source.read())).rejects.toMatchObject({ code: "ABORTED" })
    await began.promise
    control.abort()
    await reading
    await closed.promise
    await expect(readAll(source.read())).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("a reader that leaves lets go of the connection", async () => {
    const closed = Promise.withResolvers<void>()
    const { client } = await serve((request, response, turn) => {
      response.on("close", () => closed.resolve())
      hangAt(100_000)(request, response, turn)
    })
    const content = new StagedContent(client, { silence: 60_000 })
    const stream = (await content.source(ID, BYTES.length, NEVER)).read()
    let seen = 0
    for await (const chunk of stream) {
      seen += (chunk as Buffer).length
      // By then it waits for more.
      await new Promise((resolve) => setImmediate(resolve))
      if (seen === 100_000) break
    }
    await closed.promise
    expect(stream.destroyed).toBe(true)
  })
})

describe("from a shared disk", () => {
  async function shared(more: { text?: string; file?: string } = {}) {
    const above = await temporaryDirectory()
    const directory = join(above, "staging")
    await mkdir(directory)
    for (const place of [above, directory]) await writeFile(join(place, "probe"), more.text ?? "the same")
    const served = await serve(good)
    await served.content.locate({ directory, probe: { file: more.file ?? "probe", text: "the same" } })
    const path = contentPath(layoutOf(directory), ID)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, BYTES)
    return { ...served, directory, path }
  }

  it("the staged file itself is the source", async () => {
    const { content, path, requests } = await shared()
    const source = await content.source(ID, BYTES.length, NEVER)
    expect([content.isShared, source.size, source.path]).toEqual([true, BYTES.length, path])
    expect((await readAll(source.read())).equals(BYTES)).toBe(true)
    expect((await readAll(source.read({ start: 3, end: 8 }))).equals(BYTES.subarray(3, 8))).toBe(true)
    expect(requests).toEqual([])
  })

  it.each<[string, (path: string) => Promise<void>]>([
    ["is gone", (path) => rm(path)],
    ["has another size", (path) => writeFile(path, "short")],
    [
      "is a directory",
      async (path) => {
        await rm(path)
        await mkdir(path)
      },
    ],
  ])("a staged file that %s is asked of the server", async (_, spoil) => {
    const { content, path, requests } = await shared()
    await spoil(path)
    const source = await content.source(ID, BYTES.length, NEVER)
    expect(source.path).toBeUndefined()
    expect((await readAll(source.read())).equals(BYTES)).toBe(true)
    expect(requests).toHaveLength(1)
  })

  it("a staged file that goes away before it is read is worth another try", async () => {
    const { content, path } = await shared()
    const source = await content.source(ID, BYTES.length, NEVER)
    await rm(path)
    await expect(readAll(source.read())).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
  })

  it.each<[string, { text?: string; file?: string }]>([
    ["says something else", { text: "another" }],
    ["is not there", { file: "nothing" }],
    ["lies elsewhere", { file: "../probe" }],
    ["has no name", { file: "" }],
  ])("a probe that %s means that it is not shared", async (_, more) => {
    const { content } = await shared(more)
    expect(content.isShared).toBe(false)
    expect((await content.source(ID, BYTES.length, NEVER)).path).toBeUndefined()
  })
})
