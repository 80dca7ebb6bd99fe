/** Every door that a token of the configuration opens counts wrong ones in one place, tells them to one audit, and believes only those proxies that are named. */
import { pino } from "pino"
import { describe, expect, it, onTestFinished } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { trustedProxiesSchema } from "../../src/api/access/trusted-proxies.ts"
import { buildApp } from "../../src/api/app.ts"
import { parseEnvironment } from "../../src/api/environment.ts"
import type { Store } from "../../src/store/store.ts"
import { mapStore } from "./map-store.ts"

const ADMIN = "the-administrators-own-token"
const METRICS = "the-token-of-the-metrics"
const WORKER = "the-token-of-the-workers"
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function served({ trustedProxies = [] as string[], admin = ADMIN as string | null } = {}) {
  const time = { now: 0 }
  const audit: AuditEvent[] = []
  const refused: string[] = []
  const said: Record<string, unknown>[] = []
  const store = Object.assign(mapStore(), {
    notify: () => {
      throw new Error("nobody has the secret")
    },
  } satisfies Partial<Store>)
  const app = buildApp({
    store,
    log: pino({ level: "info" }, { write: (line) => said.push(JSON.parse(line) as Record<string, unknown>) }),
    onAudit: (event) => audit.push(event),
    onRefusal: (code) => refused.push(code),
    trustedProxies,
    now: () => time.now,
    ...(admin !== null && { adminToken: admin }),
    metrics: {
      tokens: { metrics: METRICS, admin },
      source: () => ({ text: async () => "a 1\n", watchProcess: () => {} }),
    },
    internal: {
      token: WORKER,
      services: () => {
        throw new Error("nobody is a worker here")
      },
    },
    board: { token: ADMIN, queues: () => [] },
  })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const ask = async (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<number> => {
    const answer = await fetch(url + path, { method, headers, redirect: "manual" })
    await answer.arrayBuffer()
    return answer.status
  }
  return { url, ask, audit, refused, said, time }
}

type Served = Awaited<ReturnType<typeof served>>
const notification = { "x-stored-signature": `sha256=${"0".repeat(64)}` }

const DOORS: [name: string, guess: (at: Served) => Promise<number>, path: string][] = [
  ["the API", ({ ask }) => ask("/v1/status", bearer("guess")), "/v1/status"],
  ["metrics", ({ ask }) => ask("/metrics", bearer("guess")), "/metrics"],
  ["the board", ({ ask }) => ask("/queues", bearer("guess")), "/queues"],
  ["the board by its address", ({ ask }) => ask("/queues?token=guess"), "/queues"],
  ["workers", ({ ask }) => ask("/internal/configuration", bearer("guess")), "/internal/configuration"],
]

describe("wrong tokens", () => {
  it.each(DOORS)("count at %s with those of all other doors", async (_name, guess, path) => {
    const at = await served()
    const answers: number[] = []
    for (let count = 0; count < 22; count += 1) answers.push(await guess(at))
    expect(answers).toEqual([...Array(20).fill(401), 429, 429])
    expect(at.refused).toEqual([...Array(20).fill("UNAUTHENTICATED"), "TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS"])
    expect(at.audit).toHaveLength(22)
    expect(at.audit[0]).toMatchObject({ decision: "refused", principal: null, path, address: "127.0.0.1" })
    expect(at.said.filter(({ msg }) => msg === "a request was refused")[0]).toMatchObject({ level: 40, path })
    // None of the right ones is even looked at from here any more.
    expect(await at.ask("/v1/status", bearer(ADMIN))).toBe(429)
    expect(await at.ask("/metrics", bearer(METRICS))).toBe(429)
    expect(await at.ask(`/queues?token=${ADMIN}`)).toBe(429)
    expect(await at.ask("/internal/configuration", bearer(WORKER))).toBe(429)
    expect(JSON.stringify([at.audit, at.said])).not.toContain("guess")
  })

  it("count for workers and metrics also while nobody else is asked for one", async () => {
    const at = await served({ admin: null })
    for (let count = 0; count < 10; count += 1) {
      expect(await at.ask("/internal/configuration", bearer(`guess-${count}`))).toBe(401)
      expect(await at.ask("/metrics", bearer(`guess-${count}`))).toBe(401)
    }
    expect(await at.ask("/metrics", bearer(METRICS))).toBe(429)
  })

  it("are none where nothing was shown", async () => {
    const { ask, audit } = await served()
    for (let count = 0; count < 30; count += 1)
      for (const path of ["/metrics", "/queues", "/internal/configuration"]) expect(await ask(path)).toBe(401)
    expect(audit).toHaveLength(90)
    expect(await ask("/metrics", bearer(METRICS))).toBe(200)
  })

  it("count at readiness too, which answers all the same", async () => {
    const { ask, refused } = await served()
    for (let count = 0; count < 20; count += 1) expect(await ask("/ready", bearer("guess"))).toBe(200)
    expect(refused).toEqual(Array(20).fill("UNAUTHENTICATED"))
    expect([await ask("/ready", bearer(ADMIN)), await ask("/v1/status", bearer(ADMIN))]).toEqual([200, 429])
  })

  it("and right ones are told to the audit with who it was", async () => {
    const { ask, audit } = await served()
    expect(await ask("/metrics", bearer(METRICS))).toBe(200)
    expect(await ask("/metrics", bearer(ADMIN))).toBe(200)
    expect(await ask("/internal/configuration", bearer(WORKER))).toBe(500)
    expect(audit.map(({ decision, principal, operation }) => [decision, principal, operation])).toEqual([
      ["allowed", "metrics", "getMetrics"],
      ["allowed", "admin", "getMetrics"],
      ["allowed", "worker", "getWorkerConfiguration"],
    ])
  })

  it("fill no log: those that are not said are counted", async () => {
    const { ask, said, audit, time } = await served()
    for (let count = 0; count < 150; count += 1) await ask("/metrics")
    expect(audit).toHaveLength(150)
    const lines = said.filter(({ msg }) => msg === "a request was refused")
    expect(lines).toHaveLength(100)
    time.now += 1_000
    await ask("/metrics")
    expect(said.findLast(({ msg }) => msg === "a request was refused")).toMatchObject({ unsaid: 50 })
  })
})

describe("notifications", () => {
  it("count with wrong tokens, whether there is such a backend or not", async () => {
    const { openTestStore } = await import("../flow/open-store.ts")
    const { store } = await openTestStore({
      backends: { m: { driver: "memory", scan: { secret: "chosen by a person" } } },
      defaultBackends: ["m"],
    })
    const audit: AuditEvent[] = []
    const app = buildApp({ store, adminToken: ADMIN, now: () => 0, onAudit: (event) => audit.push(event) })
    const url = await app.listen({ host: "127.0.0.1", port: 0 })
    onTestFinished(() => app.close())
    const notify = async (name: string, headers: Record<string, string>) => {
      const answer = await fetch(`${url}/v1/notifications/${name}`, { method: "POST", body: "[]", headers })
      const { requestId: _, ...problem } = (await answer.json()) as Record<string, unknown>
      return JSON.stringify([answer.status, problem, answer.headers.get("www-authenticate")])
    }
    for (const headers of [{}, bearer("guess"), notification]) {
      const known = await notify("m", headers)
      expect(known).toContain("401")
      expect(await notify("nowhere", headers)).toBe(known)
    }
    expect(audit).toHaveLength(6)
    for (let count = 0; count < 16; count += 1) await notify(count % 2 === 0 ? "m" : "nowhere", bearer("guess"))
    expect(await notify("m", bearer("guess"))).toContain("429")
    expect((await fetch(`${url}/v1/status`, { headers: bearer(ADMIN) })).status).toBe(429)
  })
})

describe("the address of a client", () => {
  const from = (...addresses: string[]) => ({ "x-forwarded-for": addresses.join(", ") })

  it("is that of the connection where no proxy is named, whatever is forwarded", async () => {
    const { ask, audit, said } = await served()
    for (let count = 0; count < 20; count += 1)
      await ask("/v1/status", { ...bearer("guess"), ...from(`192.0.2.${count}`) })
    expect(new Set(audit.map(({ address }) => address))).toEqual(new Set(["127.0.0.1"]))
    expect(await ask("/v1/status", { ...bearer(ADMIN), ...from("198.51.100.1") })).toBe(429)
    expect(said.filter(({ msg }) => String(msg).includes("STORED_TRUSTED_PROXIES"))).toHaveLength(1)
  })

  it("is what a named proxy says, so that one who guesses keeps nobody else out", async () => {
    const { ask, audit, said } = await served({ trustedProxies: ["127.0.0.0/8", "::1"] })
    for (let count = 0; count < 25; count += 1)
      await ask("/v1/status", { ...bearer("guess"), ...from(`10.0.0.${count}`, "192.0.2.1") })
    // What the client has written before the proxy's own word does not count.
    expect(new Set(audit.map(({ address }) => address))).toEqual(new Set(["192.0.2.1"]))
    expect(await ask("/v1/status", { ...bearer(ADMIN), ...from("192.0.2.1") })).toBe(429)
    expect(await ask("/v1/status", { ...bearer(ADMIN), ...from("192.0.2.2") })).toBe(200)
    expect(await ask("/v1/status", { ...bearer(ADMIN), ...from("not an address") })).toBe(200)
    expect(audit.at(-1)).toMatchObject({ decision: "allowed", principal: "admin", address: "127.0.0.1" })
    expect(said.filter(({ msg }) => String(msg).includes("STORED_TRUSTED_PROXIES"))).toEqual([])
  })

  it("is the connection's where another proxy than that is named", async () => {
    const { ask, audit } = await served({ trustedProxies: ["10.0.0.0/8"] })
    await ask("/v1/status", { ...bearer("guess"), ...from("192.0.2.1") })
    expect(audit).toMatchObject([{ address: "127.0.0.1" }])
  })

  it("is believed of networks that are written rightly, and of no more than are meant", () => {
    const parse = (text: string) => trustedProxiesSchema.safeParse(text).data
    expect(parse("127.0.0.1, 10.0.0.0/8,fd00::/8 ,")).toEqual(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
    expect(parseEnvironment({}).trustedProxies).toEqual([])
    for (const wrong of ["0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0", "proxy.example", "true", "1", "fe80::1%eth0"])
      expect(() => parseEnvironment({ STORED_TRUSTED_PROXIES: wrong }), wrong).toThrow(
        expect.objectContaining({
          code: "INVALID_CONFIG",
          message: expect.stringContaining("STORED_TRUSTED_PROXIES"),
        }),
      )
  })
})
