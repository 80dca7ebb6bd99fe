/** Words of HTTP that few clients say, by a bare socket: HEAD, OPTIONS, odd methods, HTTP/1.0, requests one behind the other. */
import { once } from "node:events"
import { connect } from "node:net"
import { buffer } from "node:stream/consumers"
import { beforeAll, describe, expect, it } from "vitest"
import { give, type StrangersServer, startServer } from "./strangers-server.ts"

let server: StrangersServer
beforeAll(async () => {
  server = await startServer()
}, 60_000)

/** All that comes back until the server closes; it must, so the last request says so. */
async function say(...requests: string[]): Promise<string> {
  const socket = connect(server.port, "127.0.0.1")
  await once(socket, "connect")
  socket.write(requests.join(""))
  return (await buffer(socket)).toString("latin1")
}

const request = (line: string, ...fields: string[]): string =>
  [line, "Host: localhost", ...fields].join("\r\n").concat("\r\n\r\n")
const CLOSE = "Connection: close"

function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}

describe("a bare socket", () => {
  it("gets by HEAD the head of GET, and nothing behind it", async () => {
    await give(server, "a.txt", "hello", "text/plain")
    // Its record is changed once more when the copy is proven.
    expect((await fetch(`${server.url}/v1/synced/a.txt?wait=30000`)).status).toBe(200)
    const get = await say(request("GET /v1/objects/a.txt HTTP/1.1", CLOSE))
    const head = await say(request("HEAD /v1/objects/a.txt HTTP/1.1", CLOSE))
    expect(get.endsWith("\r\n\r\nhello")).toBe(true)
    expect(head.endsWith("\r\n\r\n")).toBe(true)
    const fields = (text: string): string[] =>
      text
        .slice(0, text.indexOf("\r\n\r\n"))
        .split("\r\n")
        // The digest of the content would be that of none.
        .filter((line) => !/^(date|x-request-id|x-stored-served-from|content-digest):/i.test(line))
        .sort()
    expect(fields(head)).toEqual(fields(get))
    const gone = await say(request("HEAD /v1/objects/gone HTTP/1.1", CLOSE))
    expect([statusesOf(gone), gone.endsWith("\r\n\r\n")]).toEqual([[404], true])
  })

  it("is told what a path takes by OPTIONS and wrong methods, and what no server takes is refused", async () => {
    const answers = async (method: string, path = "/v1/objects/a"): Promise<[number[], string | undefined]> => {
      const text = await say(request(`${method} ${path} HTTP/1.1`, CLOSE, "Content-Length: 0"))
      return [statusesOf(text), /\r\nallow: (.*)\r\n/i.exec(text)?.[1]]
    }
    const taken = "GET, HEAD, PUT, DELETE"
    for (const method of ["OPTIONS", "PATCH", "POST", "TRACE", "PROPFIND", "MKCOL", "LOCK", "PURGE"])
      expect(await answers(method), method).toEqual([[405], taken])
    expect(await answers("OPTIONS", "*")).toEqual([[404], undefined])
    for (const method of ["QUERY", "BREW", "get"]) expect(await answers(method), method).toEqual([[400], undefined])
    const tunnel = await say("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
    expect(statusesOf(tunnel).filter((status) => status < 400)).toEqual([])
  })

  it("of HTTP/1.0 is answered in order, without chunks, and closed", async () => {
    await give(server, "a.txt", "hello", "text/plain")
    const got = await say("GET /v1/objects/a.txt HTTP/1.0\r\n\r\n")
    expect([statusesOf(got), got.endsWith("\r\n\r\nhello")]).toEqual([[200], true])
    const put = await say("PUT /v1/objects/old HTTP/1.0\r\nContent-Length: 3\r\n\r\nold")
    expect(statusesOf(put)).toEqual([201])
    const lines = await say("GET /v1/objects?format=ndjson&limit=2 HTTP/1.0\r\n\r\n")
    expect(lines).not.toMatch(/transfer-encoding/i)
    const [, body] = lines.split("\r\n\r\n", 2)
    expect(
      body!
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { key: string }).key),
    ).toEqual(["a.txt", "old"])
  })

  it("may send its requests one behind the other, and gets the answers in their order", async () => {
    const text = await say(
      request("PUT /v1/objects/a HTTP/1.1", "Content-Length: 5"),
      "first",
      request("GET /v1/objects/a HTTP/1.1"),
      request("PUT /v1/objects/a HTTP/1.1", "Transfer-Encoding: chunked"),
      "6\r\nsecond\r\n0\r\n\r\n",
      request("GET /v1/objects/gone HTTP/1.1"),
      request("GET /v1/objects/a HTTP/1.1", CLOSE),
    )
    expect(statusesOf(text)).toEqual([201, 200, 200, 404, 200])
    expect(text.endsWith("\r\n\r\nsecond")).toBe(true)
    expect(text.indexOf("\r\n\r\nfirst")).toBeGreaterThan(0)
  })

  it("that leaves out or doubles what HTTP asks for is refused", async () => {
    const refused = async (...requests: string[]): Promise<number[]> => statusesOf(await say(...requests))
    expect(await refused(`GET /health HTTP/1.1\r\n${CLOSE}\r\n\r\n`)).toEqual([400])
    expect(await refused(request("GET /health HTTP/1.1", "Host: other", CLOSE))).toEqual([400])
    expect(
      await refused(
        request("PUT /v1/objects/doubled HTTP/1.1", "Content-Length: 1", "Transfer-Encoding: chunked", CLOSE),
        "0\r\n\r\n",
      ),
    ).toEqual([400])
    expect(
      await refused(request("PUT /v1/objects/doubled HTTP/1.1", "Content-Length: 1", "Content-Length: 2", CLOSE), "xx"),
    ).toEqual([400])
    expect(await refused("GET /health HTTP/3.9\r\n\r\n")).toEqual([400])
    expect((await fetch(server.at("doubled"))).status).toBe(404)
  })
})
