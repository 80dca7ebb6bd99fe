/** Logs and the audit under hostile names: nothing that a client sends, and no name that was found at a backend, makes a line of its own, steers a terminal, or is told otherwise than it was. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { pino } from "pino"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { buildApp } from "../../src/api/app.ts"
import { StoredError } from "../../src/core/error.ts"
import { plainLine, plainLines } from "../../src/core/log-line.ts"
import type { Store } from "../../src/store/store.ts"
import { exchange } from "./api-server.ts"
import { mapStore } from "./map-store.ts"
import { EVERY_ROUTE, placesOf } from "./security-places.ts"
import { TOKEN } from "./worker-desk.ts"

const FORGED = '{"level":30,"msg":"a request was answered","principal":"admin"}'
/** What ends a line for somebody, moves a cursor, or turns a text around. */
const HOSTILE = [
  `\n${FORGED}\n`,
  `\r\n${FORGED}`,
  `\u0085${FORGED}`,
  `\u2028${FORGED}\u2029`,
  "\u001b[2J\u001b[1;1H",
  "\u009b2J",
  "\u202egpj.exe",
  "\u0000",
  "\u007f\b\b\b",
  '","principal":"admin","x":"',
  "\ufeff😀\ud83d",
]
const PLAIN = /^[\x20-\x7e]+\n$/

async function serve() {
  const written: string[] = []
  const log = pino({ level: "trace" }, plainLines({ write: (line: string) => void written.push(line) }))
  const audit: AuditEvent[] = []
  // What a client names stands in what goes wrong, ours and the world's.
  const away = (name: unknown): never => {
    throw new StoredError("BACKEND_UNAVAILABLE", `"${String(name)}" is away`, { details: { name: String(name) } })
  }
  const broken = (name: unknown): never => {
    throw new Error(`"${String(name)}" broke something`)
  }
  const verbs: Record<string, unknown> = { ...mapStore(), stat: away, open: broken, delete: away, list: broken }
  const store = new Proxy(verbs as unknown as Store, { get: (target, verb) => Reflect.get(target, verb) ?? away })
  const internal = { token: TOKEN, services: () => away("nothing") }
  const app = buildApp({ store, log, internal, onAudit: (event) => audit.push(event) })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { port, written, audit }
}

function expectPlain(written: readonly string[]): Record<string, unknown>[] {
  for (const line of written) expect(line).toMatch(PLAIN)
  const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const { principal } of lines) expect([undefined, null, "anonymous", "worker"]).toContain(principal)
  return lines
}

describe("the log", () => {
  it("has one line a request, whatever stands in names, at every place of every route", {
    timeout: 300_000,
  }, async () => {
    const { port, written, audit } = await serve()
    let asked = 0
    for (const place of EVERY_ROUTE.flatMap(placesOf)) {
      // Waits for what never ends.
      if (place.route.operation === "streamEvents") continue
      for (const text of HOSTILE.map((one) => one.toWellFormed())) {
        const { target, body } = place.fill(encodeURIComponent(text))
        const size = body === null ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`
        const bearer = place.route.path.startsWith("/internal/") ? `Authorization: Bearer ${TOKEN}\r\n` : ""
        const head = `${place.route.method} ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${bearer}${size}\r\n`
        expect(await exchange(port, head + (body ?? "")), place.what).toMatch(/^HTTP\/1\.1 \d/)
        asked += 1
      }
    }
    expect(asked).toBeGreaterThan(200)
    await vi.waitFor(() => {
      if (written.filter((line) => line.includes("a request was answered")).length < asked) throw new Error("not yet")
    }, 20_000)
    const answered = expectPlain(written).filter(({ msg }) => msg === "a request was answered")
    expect(answered).toHaveLength(asked)
    // Something was told that had names in it.
    expect(written.some((line) => line.includes("is away"))).toBe(true)
    expect(written.some((line) => line.includes("\\u2028") || line.includes("\\u202e"))).toBe(true)
    for (const event of audit) expect(JSON.stringify(event)).toMatch(/^[\x20-\x7e]+$/)
  })

  it("has one line a request, whatever stands in headers", async () => {
    const { port, written } = await serve()
    const names = [
      "X-Request-Id",
      "User-Agent",
      "Referer",
      "Authorization",
      "Idempotency-Key",
      "X-Forwarded-For",
      "traceparent",
      "Cookie",
    ]
    let answers = 0
    for (const name of names) {
      for (const text of HOSTILE) {
        const head = `GET /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${name}: ${text.replace(/[\r\n\0]/g, "")}\r\n\r\n`
        const answer = await exchange(port, Buffer.from(head, "utf8"))
        // What is no HTTP is answered before there is a request.
        if (!/^HTTP\/1\.1 400/.test(answer)) answers += 1
      }
    }
    await vi.waitFor(() => {
      if (written.filter((line) => line.includes("a request was answered")).length < answers) throw new Error("not yet")
    }, 20_000)
    const lines = expectPlain(written)
    expect(answers).toBeGreaterThan(40)
    expect(lines.filter(({ msg }) => msg === "a request was answered")).toHaveLength(answers)
  })

  it("says the same in plain lines", () => {
    for (const text of HOSTILE) {
      const line = `${JSON.stringify({ text, [text]: [text] })}\n`
      expect(plainLine(line)).toMatch(PLAIN)
      expect(JSON.parse(plainLine(line))).toEqual(JSON.parse(line))
    }
  })

  it("is written in plain lines by every process", () => {
    const files = ["src", "workers", "queues"].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => [join(folder, name), readFileSync(join(folder, name), "utf8")] as const),
    )
    const writers = files.filter(([, text]) => /\bpino\(\{/.test(text)).map(([path]) => path)
    expect(writers).toEqual(
      expect.arrayContaining(["src/api/run-server.ts", "src/cli/main.ts", "workers/run-worker.ts"]),
    )
    for (const [path, text] of files)
      for (const [line] of text.matchAll(/^.*pino\.destination\(.*$/gm))
        expect(line, path).toContain("plainLines(pino.destination(")
  })
})

describe("the audit", () => {
  it("tells of every decision in printable ASCII, and of who it was by the token alone", async () => {
    const { port, audit } = await serve()
    for (const text of HOSTILE) {
      const raw = Buffer.from(text.replace(/[\r\n\0 ]/g, ""), "utf8").toString("latin1")
      const head = `GET /v1/objects/a${encodeURIComponent(text.toWellFormed())}?x=${encodeURIComponent(text.toWellFormed())} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: ${raw}\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-User: admin\r\n\r\n`
      await exchange(port, Buffer.from(head, "latin1"))
    }
    expect(audit.length).toBeGreaterThan(0)
    for (const event of audit) {
      for (const value of Object.values(event)) if (typeof value === "string") expect(value).toMatch(/^[\x21-\x7e]+$/)
      expect(event).toMatchObject({ principal: "anonymous", address: "127.0.0.1" })
      expect(event.path).not.toContain("?")
    }
  })
})
