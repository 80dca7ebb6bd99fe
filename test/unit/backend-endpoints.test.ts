/** Where on the network backends may be (RELIABILITY §5): what may not be connected to is not, whatever it is called and by whichever door it comes in. */
import type { LookupAddress } from "node:dns"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { createBackend } from "../../src/backends/registry.ts"
import { UNKNOWN_ABILITIES } from "../../src/backends/s3/abilities.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { type EndpointRule, Endpoints, type Lookup, parseEndpointRule } from "../../src/core/endpoints.ts"
import { openTestStore } from "../flow/open-store.ts"

const hashers = await createHashers()

function s3(endpoint: string, more: Record<string, unknown> = {}) {
  const credentials = { accessKeyId: "key", secretAccessKey: "secret" }
  const timeouts = { connect: 500, answer: 500, idle: 500 }
  return { driver: "s3", bucket: "bucket", endpoint, credentials, timeouts, ...more }
}

function backendAt(settings: Record<string, unknown>, rule: EndpointRule = "any", resolve?: Lookup) {
  const endpoints = new Endpoints(rule, resolve)
  const backend = createBackend("x", settings, { hashers, endpoints, knownAbilities: UNKNOWN_ABILITIES })
  onTestFinished(() => backend.close())
  return backend
}

/** Answers any list of a bucket with an empty one, and counts who came. */
async function listener(): Promise<{ port: number; asked(): number }> {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.setHeader("connection", "close")
    response.end('<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked: () => asked }
}

/** Tells one address after the other, the last one for ever. */
function telling(...addresses: string[]): Lookup {
  return (_host, options, done) => {
    const address = addresses.length > 1 ? addresses.shift()! : addresses[0]!
    const family = address.includes(":") ? 6 : 4
    if (options.all) done(null, [{ address, family }] satisfies LookupAddress[])
    else done(null, address, family)
  }
}

const NEVER = [
  "http://169.254.169.254",
  "http://2852039166",
  "http://0xa9fea9fe",
  "http://0251.0376.0251.0376",
  "http://[::ffff:169.254.169.254]",
  "http://[::ffff:a9fe:a9fe]",
  "http://[64:ff9b::a9fe:a9fe]",
  "http://[2002:a9fe:a9fe::1]",
  "http://[fe80::1]",
  "http://[fd00:ec2::254]",
  "http://[fd20:ce::254]",
  "http://100.100.100.200",
  "http://168.63.129.16",
  "http://192.0.0.192",
]

it("nobody adds an S3 backend at a link-local or metadata address over HTTP, however it is written", async () => {
  const { store } = await openTestStore()
  const app = buildApp({ store })
  onTestFinished(() => app.close())
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  for (const endpoint of NEVER) {
    const body = JSON.stringify(s3(endpoint))
    const headers = { "content-type": "application/json" }
    const answer = await fetch(`${url}/v1/backends/there`, { method: "PUT", headers, body })
    expect(await answer.json(), endpoint).toMatchObject({
      code: "INVALID_CONFIG",
      detail: expect.stringContaining("may not be at"),
    })
  }
  expect(store.listBackends()).not.toContain("there")
})

it.each([
  ["url", { type: "webdav", url: "http://169.254.169.254/x", vendor: "other" }],
  ["host", { type: "sftp", host: "169.254.169.254" }],
  ["endpoint", { type: "s3", endpoint: "http://[fd00:ec2::254]" }],
])("nor one of rclone with such a %s", async (_option, config) => {
  await expect(backendAt({ driver: "rclone", remote: "there:x", config }).open()).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining("may not be at"),
  })
})

it("a name that leads there is refused when it is connected to, also where one of its addresses is good", async () => {
  const resolve: Lookup = (_host, _options, done) =>
    done(null, [
      { address: "127.0.0.1", family: 4 },
      { address: "169.254.169.254", family: 4 },
    ])
  const { port, asked } = await listener()
  await expect(backendAt(s3(`http://metadata.test:${port}`), "any", resolve).open()).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    retryable: false,
  })
  expect(asked()).toBe(0)
})

it("a name that leads somewhere else the second time is refused then", async () => {
  const { port, asked } = await listener()
  const backend = backendAt(s3(`http://rebind.test:${port}`), "any", telling("127.0.0.1", "169.254.169.254"))
  await backend.open()
  await expect(backend.healthCheck()).rejects.toMatchObject({ code: "INVALID_CONFIG" })
  await expect(backend.stat("k")).rejects.toMatchObject({ code: "INVALID_CONFIG" })
  expect(asked()).toBe(1)
})

it("public: neither this machine nor a network of its own", async () => {
  const { port, asked } = await listener()
  for (const endpoint of [
    `http://127.0.0.1:${port}`,
    `http://localhost:${port}`,
    "http://10.0.0.1",
    "http://[fd12::1]",
  ])
    await expect(backendAt(s3(endpoint), "public").open()).rejects.toMatchObject({ code: "INVALID_CONFIG" })
  const named = backendAt(s3(`http://inside.test:${port}`), "public", telling("192.168.1.1"))
  await expect(named.open()).rejects.toMatchObject({ code: "INVALID_CONFIG" })
  expect(asked()).toBe(0)
})

it("a list: its origins wherever they are, and no others", async () => {
  const [ours, other] = [await listener(), await listener()]
  const rule = [`http://127.0.0.1:${ours.port}`]
  await backendAt(s3(`http://127.0.0.1:${ours.port}`), rule).open()
  expect(ours.asked()).toBe(1)
  for (const endpoint of [`http://127.0.0.1:${other.port}`, `https://127.0.0.1:${ours.port}`, "https://s3.example.org"])
    await expect(backendAt(s3(endpoint), rule).open()).rejects.toMatchObject({ code: "INVALID_CONFIG" })
  expect(other.asked()).toBe(0)
  const named = backendAt(s3("http://there.test"), ["http://there.test"], telling("169.254.169.254"))
  await expect(named.open()).rejects.toMatchObject({ code: "INVALID_CONFIG" })
})

it("an answer that leads elsewhere is not followed", async () => {
  const elsewhere = await listener()
  const server = createServer((_request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.port}/bucket` }).end()
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  await expect(backendAt(s3(`http://127.0.0.1:${port}`)).open()).rejects.toMatchObject({ code: expect.any(String) })
  expect(elsewhere.asked()).toBe(0)
})

it.each([
  ["any", "any"],
  ["public", "public"],
  ["https://s3.example.org, http://10.0.0.5:9000", ["https://s3.example.org", "http://10.0.0.5:9000"]],
  ["https://s3.example.org/path", null],
  ["s3.example.org", null],
  ["ftp://s3.example.org", null],
  ["https://a,", null],
])("the variable %j says %j", (text, rule) => {
  expect(parseEndpointRule(text)).toEqual(rule)
})
