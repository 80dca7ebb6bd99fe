/** URLs by reference: those of the list are fetched from public addresses, by https, and nothing else is connected to. */
import { once } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import { beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { isPublicAddress } from "../../src/core/public-address.ts"
import { type AllowedUrls, openUrl } from "../../workers/ingest-url.ts"
import { makeCertificate } from "./ingest-certificate.ts"

let certificate: { key: string; cert: string }

beforeAll(async () => {
  certificate = await makeCertificate()
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(certificate, answer)
  let connections = 0
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    connections += 1
    sockets.add(socket)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `https://localhost:${port}`, port, connections: () => connections }
}

function allow(prefixes: string[], more: Partial<AllowedUrls> = {}): AllowedUrls {
  return { prefixes: prefixes.map((text) => new URL(text)), allowPrivate: true, ca: certificate.cert, ...more }
}

async function fetchText(url: string, allowed: AllowedUrls, signal = new AbortController().signal): Promise<string> {
  const content = await openUrl(url, allowed, signal)
  try {
    const chunks: Uint8Array[] = []
    for await (const chunk of content.read()) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  } finally {
    await content.close()
  }
}

interface Fault {
  code: string
  retryable: boolean
  message: string
}

const faultOf = (url: string, allowed: AllowedUrls, signal?: AbortSignal): Promise<Fault> =>
  fetchText(url, allowed, signal).then(
    (text) => ({ code: `read: ${text}`, retryable: false, message: "" }),
    (error: Fault) => error,
  )

describe("a URL of the list", () => {
  it("is fetched, with its size, type and name; by a name that is resolved once, and pinned", async () => {
    const server = await serve((request, response) => {
      response.setHeader("content-type", "text/x-own").end(`${request.headers.host}${request.url}`)
    })
    const url = `https://files.example:${server.port}/in/a%20b.txt?geheim=1`
    let asked = 0
    const resolve = async () => {
      asked += 1
      return asked === 1 ? [{ address: "127.0.0.1", family: 4 }] : [{ address: "192.0.2.1", family: 4 }]
    }
    const allowed = allow([`https://files.example:${server.port}/in`], { resolve })
    const content = await openUrl(url, allowed, new AbortController().signal)
    expect(content).toMatchObject({ mimeType: "text/x-own", name: "a b.txt", size: expect.any(Number) })
    const chunks: Uint8Array[] = []
    for await (const chunk of content.read()) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe(`files.example:${server.port}/in/a%20b.txt?geheim=1`)
    expect(asked).toBe(1)
  })

  it("is fetched from a public address only, by whichever name or way of writing", async () => {
    const server = await serve((_, response) => response.end("reached"))
    const { port } = server
    const hosts = ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"]
    for (const host of [...hosts, "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "0.0.0.0"]) {
      const url = `https://${host}:${port}/`
      expect([host, await faultOf(url, allow([url], { allowPrivate: false }))]).toMatchObject([
        host,
        { code: "PERMISSION_DENIED", retryable: false },
      ])
    }
    const url = `https://files.example:${port}/`
    const found = ["192.0.43.8", "127.0.0.1"].map((address) => ({ address, family: 4 }))
    const mixed = allow([url], { allowPrivate: false, resolve: async () => found })
    expect(await faultOf(url, mixed)).toMatchObject({ code: "PERMISSION_DENIED" })
    expect(server.connections()).toBe(0)
    expect(await fetchText(url, { ...mixed, allowPrivate: true, resolve: async () => found.slice(1) })).toBe("reached")
  })

  it("is not followed to where it redirects", async () => {
    const target = await serve((_, response) => response.end("reached"))
    for (const status of [301, 302, 303, 307, 308]) {
      const server = await serve((_, response) => response.writeHead(status, { location: `${target.origin}/x` }).end())
      const fault = await faultOf(`${server.origin}/?geheim`, allow([server.origin, target.origin]))
      expect(fault).toMatchObject({ code: "SOURCE_FAILED", retryable: false })
      expect(fault.message).not.toContain("geheim")
    }
    expect(target.connections()).toBe(0)
  })

  it.each<[number, boolean]>([
    [404, false],
    [403, false],
    [204, false],
    [206, false],
    [429, true],
    [500, true],
    [503, true],
  ])("that answers %i is worth another try: %s", async (status, retryable) => {
    const server = await serve((_, response) => response.writeHead(status).end())
    expect(await faultOf(server.origin, allow([server.origin]))).toMatchObject({ code: "SOURCE_FAILED", retryable })
  })

  it("that breaks, falls silent, is encoded, or shows a strange certificate is no content", async () => {
    const cut = await serve((_, response) => {
      response.writeHead(200, { "content-length": "10" }).write("half")
      setImmediate(() => response.socket?.destroy())
    })
    expect(await faultOf(cut.origin, allow([cut.origin]))).toMatchObject({ code: "SOURCE_FAILED", retryable: true })
    const silent = await serve((_, response) => void response.writeHead(200).write("half"))
    const impatient = allow([silent.origin], { timeout: 200 })
    expect(await faultOf(silent.origin, impatient)).toMatchObject({ code: "SOURCE_FAILED", retryable: true })
    const dumb = await serve(() => {})
    expect(await faultOf(dumb.origin, allow([dumb.origin], { timeout: 200 }))).toMatchObject({ code: "SOURCE_FAILED" })
    const packed = await serve((_, response) => response.setHeader("content-encoding", "gzip").end("x"))
    expect(await faultOf(packed.origin, allow([packed.origin]))).toMatchObject({
      code: "SOURCE_FAILED",
      retryable: false,
    })
    const { ca, ...trusting } = allow([dumb.origin])
    expect(ca).toBeDefined()
    expect(await faultOf(dumb.origin, trusting)).toMatchObject({ code: "SOURCE_FAILED" })
  })

  it("ends with the signal, before and after its answer has begun", async () => {
    const control = new AbortController()
    const begun = await serve((_, response) => {
      response.writeHead(200).write("half")
      control.abort()
    })
    expect(await faultOf(begun.origin, allow([begun.origin]), control.signal)).toMatchObject({ code: "ABORTED" })
    expect(await faultOf(begun.origin, allow([begun.origin]), AbortSignal.abort())).toMatchObject({ code: "ABORTED" })
  })
})

describe("a URL is refused before anybody is asked", () => {
  it.each([
    ["https://files.example/other/x", "PERMISSION_DENIED"],
    ["https://files.example/input", "PERMISSION_DENIED"],
    ["https://files.example/in/../other", "PERMISSION_DENIED"],
    ["https://files.example/in/%2e%2e/other", "PERMISSION_DENIED"],
    ["https://files.example:8443/in/x", "PERMISSION_DENIED"],
    ["https://files.example.evil/in/x", "PERMISSION_DENIED"],
    ["https://files.example@evil/in/x", "INVALID_INPUT"],
    ["https://evil/in/x#https://files.example/in", "PERMISSION_DENIED"],
    ["https://files.example/in/..%2fother", "INVALID_INPUT"],
    ["https://files.example/in/%252e%252e%252fother", "INVALID_INPUT"],
    ["https://files.example/in/..%5cother", "INVALID_INPUT"],
    ["https://files.example/in/..;/other", "INVALID_INPUT"],
    ["https://files.example/in/%00", "INVALID_INPUT"],
    ["https://files.example/in/%ff", "INVALID_INPUT"],
    ["https://user:geheim@files.example/in/x", "INVALID_INPUT"],
    ["http://files.example/in/x", "INVALID_INPUT"],
    ["file:///etc/passwd", "INVALID_INPUT"],
    ["ftp://files.example/in/x", "INVALID_INPUT"],
    ["data:text/plain,geheim", "INVALID_INPUT"],
    ["/in/x", "INVALID_INPUT"],
  ])("%s", async (url, code) => {
    let asked = 0
    const resolve = async () => {
      asked += 1
      return [{ address: "127.0.0.1", family: 4 }]
    }
    const fault = await faultOf(url, allow(["https://files.example/in"], { resolve }))
    expect(fault).toMatchObject({ code, retryable: false })
    expect(fault.message).not.toContain("geheim")
    expect(asked).toBe(0)
  })
})

describe("an address", () => {
  it.each(["8.8.8.8", "192.0.43.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"])(
    "%s is public",
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.100.100.200",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "ff02::1",
    "localhost",
    "",
  ])("%j is not", (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})
