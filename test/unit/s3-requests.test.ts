/** The requests that are made without the SDK's middlewares: what goes out, what comes of every kind of answer, and where the SDK makes them after all. */
import { createHash } from "node:crypto"
import http from "node:http"
import https from "node:https"
import net from "node:net"
import { Duplex } from "node:stream"
import * as sdk from "@aws-sdk/client-s3"
import { describe, expect, it, onTestFinished } from "vitest"
import { UNKNOWN_ABILITIES } from "../../src/backends/s3/abilities.ts"
import { openObjects } from "../../src/backends/s3/objects.ts"
import { openSession, type S3Session } from "../../src/backends/s3/session.ts"
import { type S3Config, s3Schema } from "../../src/backends/s3/settings.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { MIB } from "../fault/s3-store.ts"

const KEYS = { accessKeyId: "access", secretAccessKey: "secret-canary", sessionToken: "token" }
const hashers = await createHashers()

/** A server with one answer for all, and what it was asked. */
async function serve(answer: http.RequestListener) {
  const asked: { method: string; url: string; headers: http.IncomingHttpHeaders; body: Buffer }[] = []
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = "", url = "", headers } = request
    asked.push({ method, url, headers, body: Buffer.concat(chunks) })
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, server, endpoint: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}` }
}

async function open(endpoint: string, more: Partial<S3Config> = {}): Promise<S3Session> {
  const settings = s3Schema.parse({ driver: "s3", bucket: "bucket", endpoint, credentials: KEYS, ...more })
  const session = await openSession(settings, { ...KEYS }, UNKNOWN_ABILITIES, hashers)
  onTestFinished(() => session.close())
  return session
}

function put(session: S3Session, body: Uint8Array = Buffer.from("bytes")): Promise<void> {
  const input = { Bucket: "bucket", Key: "key", Body: body }
  return session.call({ what: "write", tries: 1 }, (signal) => session.objects.write(input, undefined, signal))
}

function head(session: S3Session, signal?: AbortSignal) {
  const input = { Bucket: "bucket", Key: "key" }
  return session.call({ what: "look", tries: 1, signal }, (within) => session.objects.head(input, within))
}

describe("what is sent", () => {
  it("has the key in the path, the headers that were asked for, and the digest of the body", async () => {
    const { asked, endpoint } = await serve((_request, response) => response.end())
    const { objects } = await open(endpoint)
    const body = Buffer.from("some bytes")
    const hex = createHash("sha256").update(body).digest("hex")
    const input = {
      Bucket: "bucket",
      Key: "a b/ü+(1)*.txt",
      Body: body,
      ContentType: "text/plain",
      ContentMD5: "md5",
      IfNoneMatch: "*",
      StorageClass: "STANDARD_IA" as const,
      ServerSideEncryption: "AES256" as const,
      Metadata: { "stored-content": "sha256:00" },
    }
    await objects.write(input, hex, new AbortController().signal)
    expect(asked).toHaveLength(1)
    const [{ method, url, headers, body: received }] = asked as [(typeof asked)[0]]
    expect([method, url]).toEqual(["PUT", "/bucket/a%20b/%C3%BC%2B%281%29%2A.txt"])
    expect(received.equals(body)).toBe(true)
    expect(headers).toMatchObject({
      host: new URL(endpoint).host,
      "content-length": "10",
      "content-type": "text/plain",
      "content-md5": "md5",
      "if-none-match": "*",
      "x-amz-content-sha256": hex,
      "x-amz-meta-stored-content": "sha256:00",
      "x-amz-security-token": "token",
      "x-amz-server-side-encryption": "AES256",
      "x-amz-storage-class": "STANDARD_IA",
    })
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=access\/\d{8}\/us-east-1\/s3\/aws4_request, /)
  })

  it("of a part says which it is, in an order that can be signed, and is not signed with its body", async () => {
    const { asked, endpoint } = await serve((_request, response) => response.setHeader("ETag", '"tag"').end())
    const { objects } = await open(endpoint)
    const input = { Bucket: "bucket", Key: "key", Body: Buffer.from("part"), UploadId: "2~a/b=", PartNumber: 7 }
    expect(await objects.writePart(input, new AbortController().signal)).toBe('"tag"')
    expect(asked[0]?.url).toBe("/bucket/key?partNumber=7&uploadId=2~a%2Fb%3D")
    expect(asked[0]?.headers["x-amz-content-sha256"]).toBe("UNSIGNED-PAYLOAD")
  })

  it("goes below the path of an endpoint that has one", async () => {
    const { asked, endpoint } = await serve((_request, response) => response.end())
    await put(await open(`${endpoint}/gate/s3`))
    expect(asked[0]?.url).toBe("/gate/s3/bucket/key")
  })

  it("goes over connections that are used again, of whatever size it is", async () => {
    const { asked, endpoint, server } = await serve((_request, response) =>
      response.setHeader("Content-Length", 0).end(),
    )
    let connections = 0
    server.on("connection", () => {
      connections += 1
    })
    const session = await open(endpoint)
    await put(session, Buffer.alloc(3 * MIB))
    await head(session)
    await put(session)
    expect(asked.map(({ headers }) => headers.expect)).toEqual([undefined, undefined, undefined])
    expect(connections).toBe(1)
  })
})

describe("an answer", () => {
  it("tells of an object what the SDK would tell", async () => {
    const { endpoint } = await serve((_request, response) => {
      response.writeHead(200, {
        "Content-Length": 5,
        ETag: '"tag"',
        "Last-Modified": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-checksum-sha256": "sum",
        "x-amz-meta-stored-content": "sha256:00",
      })
      response.end()
    })
    expect(await head(await open(endpoint))).toEqual({
      ContentLength: 5,
      ETag: '"tag"',
      LastModified: new Date(Date.UTC(2013, 4, 24)),
      ChecksumSHA256: "sum",
      Metadata: { "stored-content": "sha256:00" },
    })
  })

  it.each([
    [503, "<Error><Code>SlowDown</Code></Error>", { code: "BACKEND_UNAVAILABLE", retryable: true }],
    [403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", { code: "PERMISSION_DENIED", retryable: false }],
    [412, "<Error><Code>PreconditionFailed</Code></Error>", { code: "CONFLICT" }],
    [404, "<Error><Code>NoSuchBucket</Code></Error>", { code: "BACKEND_REFUSED", retryable: false }],
    [400, "<Error><Code>BadDigest</Code></Error>", { code: "BACKEND_UNAVAILABLE", retryable: true }],
    [502, "<html>secret-page</html>", { code: "BACKEND_UNAVAILABLE", retryable: true }],
    [200, "<Error><Code>InternalError</Code></Error>", { code: "BACKEND_UNAVAILABLE", retryable: true }],
    [200, "<Error></Error>", { code: "BACKEND_UNAVAILABLE", retryable: true }],
  ])("with status %s and %s is an error in our words", async (status, text, expected) => {
    const { endpoint } = await serve((_request, response) => response.writeHead(status).end(text))
    const error = await put(await open(endpoint)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(expected)
    expect(String((error as Error).stack) + JSON.stringify(error)).not.toMatch(/secret-/)
  })

  it("to a look that is refused is known by its status, and nothing is absent where the bucket may be", async () => {
    for (const [status, code] of [
      [404, "NOT_FOUND"],
      [403, "PERMISSION_DENIED"],
      [503, "BACKEND_UNAVAILABLE"],
    ] as const) {
      const { endpoint } = await serve((_request, response) => response.writeHead(status).end())
      await expect(head(await open(endpoint))).rejects.toMatchObject({ code })
    }
  })

  it("says when to come again", async () => {
    const { endpoint } = await serve((_request, response) => response.writeHead(503, { "Retry-After": "7" }).end())
    await expect(put(await open(endpoint))).rejects.toMatchObject({ details: { retryAfter: 7000, status: 503 } })
  })

  it("that comes before the server has read everything ends the request", async () => {
    const text = "<Error><Code>AccessDenied</Code></Error>"
    const closed = Promise.withResolvers<void>()
    const server = net.createServer((socket) => {
      socket.once("error", () => closed.resolve()).once("close", () => closed.resolve())
      // Reads the beginning, answers, and takes nothing more.
      socket.once("data", () => {
        socket.pause()
        socket.write(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
        answered.then(() => socket.resume())
      })
    })
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
    onTestFinished(() => void server.close())
    const session = await open(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`)
    const answered = put(session, Buffer.alloc(32 * MIB)).catch((error: unknown) => error)
    expect(await answered).toMatchObject({ code: "PERMISSION_DENIED" })
    await closed.promise
  })

  it("that breaks off is no answer", async () => {
    const { endpoint } = await serve((_request, response) => {
      response.writeHead(200, { "Content-Length": 10 }).write("half")
      response.socket?.end()
    })
    await expect(put(await open(endpoint))).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
  })

  it("that does not come is waited for no longer than the deadline, or the signal", async () => {
    const { endpoint } = await serve(() => {})
    const late = await open(endpoint, { timeouts: { answer: 50 } })
    await expect(head(late)).rejects.toMatchObject({ code: "TIMEOUT" })
    const control = new AbortController()
    const waiting = head(await open(endpoint), control.signal)
    control.abort()
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("from a server with another time teaches that time", async () => {
    const ahead = Date.now() + 3_600_000
    const { asked, endpoint } = await serve((_request, response) => {
      response.writeHead(asked.length === 1 ? 403 : 200, { Date: new Date(ahead).toUTCString() }).end()
    })
    const session = await open(endpoint)
    await expect(head(session)).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
    await head(session)
    const [first, second] = asked.map(({ headers }) => String(headers["x-amz-date"]))
    expect(first?.slice(0, 11)).not.toBe(new Date(ahead).toISOString().replace(/[-:]/g, "").slice(0, 11))
    expect(second?.slice(0, 11)).toBe(new Date(ahead).toISOString().replace(/[-:]/g, "").slice(0, 11))
  })

  it("that cannot come, for nobody listens, is a fault that may pass", async () => {
    const { endpoint, server } = await serve(() => {})
    await new Promise((closed) => server.close(closed))
    await expect(head(await open(endpoint))).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
  })
})

describe("whose requests they are", () => {
  /** Whether the SDK is asked to send them, for a bucket on AWS. */
  async function isLeftToTheSdk(bucket: string): Promise<boolean> {
    let sent = false
    const refuse = async (): Promise<never> => {
      sent = true
      throw new Error("The SDK was asked.")
    }
    const config = { region: "eu-west-1", credentials: { ...KEYS }, maxAttempts: 1, requestHandler: { handle: refuse } }
    const client = new sdk.S3Client(config as sdk.S3ClientConfig)
    const agents = { http: new http.Agent(), https: new Unconnected() }
    const objects = await openObjects(sdk, client, bucket, agents, 1000)
    expect(sent, "while it is found out").toBe(false)
    await objects.head({ Bucket: bucket, Key: "key" }, new AbortController().signal).catch(() => {})
    return sent
  }

  it("are made here for a bucket that is signed in the usual way", async () => {
    expect(await isLeftToTheSdk("some-bucket")).toBe(false)
  })

  it("are made by the SDK for one that is signed in a way of its own", async () => {
    expect(await isLeftToTheSdk("some-bucket--usw2-az1--x-s3")).toBe(true)
  })
})

class Unconnected extends https.Agent {
  override createConnection(...[, done]: Parameters<https.Agent["createConnection"]>): undefined {
    done?.(new Error("No connections here."), new Duplex())
  }
}
