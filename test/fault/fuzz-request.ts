/** Requests for every route that there is, as bytes: well-formed, almost so, and not at all. */
import fc from "fast-check"
import * as z from "zod"
import { pathParts, queryOf, type Route } from "../../src/api/route.ts"
import { INTERNAL_ROUTES, METRICS_ROUTES, ROUTES } from "../../src/api/routes/routes.ts"
import { type JsonSchema, NAMES, valuesOf } from "./fuzz-schema.ts"

export interface FuzzRequest {
  bytes: Buffer
  /** a whole request, which must be answered; another one may be answered or cut */
  isWhole: boolean
}

export interface FuzzTokens {
  /** who may do everything */
  admin: string
  /** who may do a part, and change no backends */
  others: readonly string[]
  /** where a backend may be: the requests name no other place */
  root: string
}

const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "A"]
const TEXTS = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: "binary", maxLength: 30 }))

const HEADERS: Record<string, readonly string[]> = {
  range: [
    "bytes=0-1",
    "bytes=-5",
    "bytes=5-2",
    "bytes=0-0,2-3",
    "bytes=99999999999999999999-",
    "x=1",
    "bytes=",
    "bytes=--1",
  ],
  "if-range": ['"x"', "Sun, 22 Nov 2026 00:00:00 GMT", "W/x"],
  "if-match": ["*", '"1"', '"sha256:aa"', 'W/"1"', ",,,", '"'],
  "if-none-match": ["*", '"x", "y"', `"${"a".repeat(3000)}"`],
  "content-digest": ["sha-256=:AAAA:", "sha-256=::", "md5=:x:", "=", `sha-256=:${"A".repeat(44)}:`],
  "repr-digest": ["sha-256=:AAAA:", "unixsum=1"],
  "content-type": [
    "application/json",
    "text/html\t;x",
    'APPLICATION/JSON ;charset="',
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    ";",
    "a/b/c",
  ],
  "x-stored-checksum": ["sha256:aa", `sha256:${"b".repeat(64)}`, "blake3:", "crc32c:1"],
  "x-stored-metadata": [
    "{}",
    '{"a":"b"}',
    '{"__proto__":{"polluted":1}}',
    "[",
    '{"locations":[]}',
    `{"a":"${"x".repeat(9000)}"}`,
  ],
  "x-stored-backends": ["main", "main,main", "none", ",", "../x"],
  "x-stored-durability": ["os", "staged", "copies:0", "copies:99", "copies:-1", "ALL"],
  "x-stored-wait": ["0", "1", "-1", "1e9", "NaN"],
  "x-stored-if-version": ["0", "1", "-1", "99999999999999999999"],
  "idempotency-key": ["k1", "k2", '"k3"', "", "x".repeat(300), "ü"],
  "last-event-id": ["0", "-1", "x"],
  expect: ["100-continue", "200-ok"],
  upgrade: ["websocket", "h2c"],
  origin: ["http://evil.example", "null", "http://127.0.0.1"],
  "accept-encoding": ["gzip", "*;q=0"],
  "x-forwarded-for": ["1.2.3.4", "\\"],
  traceparent: [`00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "00-x"],
  "x-request-id": ["abc", "a b", "x".repeat(500)],
  cookie: ["stored_admin=1.x", "a=b;;;="],
  "x-odd": ["\u0001", "\u00ff\u00fe", "x".repeat(17_000), "a\u0000b"],
}

const someHeaders = fc.array(
  fc
    .constantFrom(...Object.keys(HEADERS))
    .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...HEADERS[name]!))),
  { maxLength: 3 },
)

const headers = fc.oneof(
  { weight: 3, arbitrary: fc.constant<[string, string][]>([]) },
  { weight: 2, arbitrary: someHeaders },
)

const FRAMINGS = [
  ...Array<"length">(40).fill("length"),
  ...Array<"chunked">(6).fill("chunked"),
  "cut",
  "both",
  "long",
  "negative",
  "two",
  "bad chunk",
  "odd coding",
] as const

function bodyOf(framing: (typeof FRAMINGS)[number], body: Buffer): { head: string; tail: Buffer; isWhole: boolean } {
  const whole = (head: string, tail = body) => ({ head, tail, isWhole: true })
  const broken = (head: string, tail = body) => ({ head, tail, isWhole: false })
  const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")])
  const chunks = Buffer.concat([...(body.length > 0 ? [chunk] : []), Buffer.from("0\r\n\r\n")])
  if (framing === "chunked") return whole("Transfer-Encoding: chunked\r\n", chunks)
  if (framing === "cut") return broken(`Content-Length: ${body.length + 10}\r\n`)
  if (framing === "both") return broken(`Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n`, chunks)
  if (framing === "long") return broken(`Content-Length: ${"9".repeat(25)}\r\n`)
  if (framing === "negative") return broken("Content-Length: -1\r\n")
  if (framing === "two") return broken(`Content-Length: ${body.length}\r\nContent-Length: 0\r\n`)
  if (framing === "bad chunk") return broken("Transfer-Encoding: chunked\r\n", Buffer.from("zz\r\nhello\r\n"))
  if (framing === "odd coding") return broken("Transfer-Encoding: xchunked\r\n", chunks)
  return whole(body.length > 0 ? `Content-Length: ${body.length}\r\n` : "")
}

/** Names that are mostly good ones, percent-encoded mostly as they should be. */
const pathNames = fc.tuple(TEXTS, fc.integer({ min: 0, max: 9 })).map(([text, how]) => {
  if (how === 0)
    return Buffer.from(text)
      .toString("latin1")
      .replace(/[\s?#]/g, "_")
  if (how === 1) return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")
  if (how > 3) return "in/b"
  return text.isWellFormed() ? text.split("/").map(encodeURIComponent).join("/") : "%ff%fe"
})

function queriesOf(route: Route): fc.Arbitrary<string> {
  const some = valuesOf(z.toJSONSchema(queryOf(route), { io: "input", unrepresentable: "any" }) as JsonSchema).map(
    (value) => {
      if (typeof value !== "object" || value === null) return ""
      // What waits is waited for here too.
      const pairs = Object.entries(value).map(([name, one]) => [
        name,
        name === "wait" ? "20" : (typeof one === "object" ? JSON.stringify(one) : String(one)).slice(0, 2000),
      ])
      const text = pairs.map((pair) => pair.map((part) => encodeURIComponent(part!.toWellFormed())).join("=")).join("&")
      return text === "" ? "" : `?${text}`
    },
  )
  return fc.oneof({ weight: 2, arbitrary: fc.constant("") }, { weight: 1, arbitrary: some })
}

function bodiesOf(route: Route, { root }: FuzzTokens): fc.Arbitrary<Buffer> {
  const bytes = fc.oneof(
    fc.constantFrom("", "hello", "x".repeat(70_000)).map(Buffer.from),
    fc.uint8Array({ maxLength: 40 }).map((part) => Buffer.from(part.map((byte) => byte % 4))),
  )
  if (!route.body) return bytes
  // Of backends only these: any other place would really be written to.
  if (route.operation === "putBackend")
    return fc
      .constantFrom(
        '{"driver":"memory"}',
        JSON.stringify({ driver: "fs", root }),
        '{"driver":"x"}',
        '{"driver":"memory","__proto__":{"a":1}}',
        "[]",
      )
      .map(Buffer.from)
  const schema = z.toJSONSchema(route.body, { io: "input", unrepresentable: "any" }) as JsonSchema
  const json = valuesOf(schema).map((value) => Buffer.from(JSON.stringify(value) ?? ""))
  const nested = fc.constant(Buffer.from("[".repeat(20_000)))
  return fc.oneof({ weight: 15, arbitrary: json }, { weight: 2, arbitrary: bytes }, { weight: 1, arbitrary: nested })
}

function routed(route: Route, tokens: FuzzTokens): fc.Arbitrary<FuzzRequest> {
  const parts = pathParts(route.path)
  const method = fc.oneof(
    { weight: 12, arbitrary: fc.constant<string>(route.method) },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
  )
  const path = parts ? pathNames.map((name) => parts.before + name + parts.after) : fc.constant(route.path)
  const token = fc.oneof(
    { weight: 12, arbitrary: fc.constant(tokens.admin) },
    { weight: 4, arbitrary: fc.constantFrom(...tokens.others) },
    { weight: 1, arbitrary: fc.constantFrom("", "wrong", "a.b", `${tokens.admin}x`, "x".repeat(4000), "ü") },
  )
  return fc
    .record({
      method,
      path,
      query: queriesOf(route),
      headers,
      token,
      body: bodiesOf(route, tokens),
      framing: fc.constantFrom(...FRAMINGS),
    })
    .map((given) => {
      // No other backend than these is made, whatever the method became.
      const bearer =
        /^\/v1\/(?:backends|tokens)/.test(given.path) && route.operation !== "putBackend" && given.method === "PUT"
          ? "none"
          : given.token
      const { head, tail, isWhole } = bodyOf(given.framing, given.body)
      const lines = given.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")
      const isOdd =
        given.headers.some(([name]) => name === "x-odd" || name === "expect" || name === "upgrade") ||
        given.method === "CONNECT"
      const text = `${given.method} ${given.path}${given.query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${bearer}\r\n${lines}${head}\r\n`
      return { bytes: Buffer.concat([Buffer.from(text, "latin1"), tail]), isWhole: isWhole && !isOdd && bearer !== "ü" }
    })
}

const lines = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      "GET / HTTP/1.1\r\n\r\n",
      "GET /health HTTP/9.9\r\n\r\n",
      "GET http://evil.example/health HTTP/1.1\r\nHost: x\r\n\r\n",
      "\r\n\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\u0016\u0003\u0001\u0002\u0000",
      "GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
      "GET /health HTTP/1.1\r\n Host: x\r\n\r\n",
      "GET\t/health HTTP/1.1\nHost: x\n\n",
      "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
      `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`,
      `GET /health HTTP/1.1\r\n${"a: b\r\n".repeat(2000)}\r\n`,
      "GET /health HTTP/1.0\r\n\r\n",
      "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5),
    )
    .map((text) => Buffer.from(text, "latin1")),
)

/** What comes in all, mostly for routes. */
export function requests(tokens: FuzzTokens): fc.Arbitrary<FuzzRequest> {
  const routes = [...ROUTES, ...INTERNAL_ROUTES, ...METRICS_ROUTES].map((route) => routed(route, tokens))
  const cut = fc
    .tuple(fc.oneof(...routes), fc.nat())
    .map(([{ bytes }, at]) => ({ bytes: bytes.subarray(0, at % bytes.length), isWhole: false }))
  const bad = lines.map((bytes) => ({ bytes, isWhole: false }))
  return fc.oneof(
    { weight: 20, arbitrary: fc.oneof(...routes) },
    { weight: 2, arbitrary: bad },
    { weight: 1, arbitrary: cut },
  )
}
