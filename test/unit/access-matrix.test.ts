/**
 * Who may do what, for every route that there is: the routes are taken from the table that makes the server, so that one that is added is tested too. A route whose keys stand in its query
 * or body must be described here, or the test fails.
 */
import { describe, expect, it, onTestFinished } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { buildApp } from "../../src/api/app.ts"
import type { Policy } from "../../src/api/policy.ts"
import { pathParts, type Route } from "../../src/api/route.ts"
import { INTERNAL_ROUTES, ROUTES } from "../../src/api/routes/routes.ts"
import { type Access, accessOf, SCOPES, type Scope } from "../../src/core/access.ts"
import { StoredError } from "../../src/core/error.ts"
import type { Store } from "../../src/store/store.ts"
import { mapStore } from "./map-store.ts"

const OWN_ID = `sha256:${"a".repeat(64)}`
const FOREIGN_ID = `sha256:${"b".repeat(64)}`
const UNKNOWN_ID = `sha256:${"c".repeat(64)}`
const WORKER_TOKEN = "the-token-of-the-workers"

interface Sample {
  query?: string
  body?: object
}

/** Of routes whose policy is on what they name: what lies within `in/`, and what does not, also in part. */
const FROM_IN = { from: "in/a" }
const NAMED: Record<string, { inside: Sample[]; outside: Sample[]; also?: Scope }> = {
  copyObject: {
    also: "read",
    inside: [{ body: { ...FROM_IN, to: "in/b" } }],
    outside: [{ body: { ...FROM_IN, to: "out/b" } }, { body: { from: "out/a", to: "in/b" } }],
  },
  moveObject: {
    also: "read",
    inside: [{ body: { ...FROM_IN, to: "in/b" } }],
    outside: [{ body: { ...FROM_IN, to: "out/b" } }, { body: { from: "out/a", to: "in/b" } }],
  },
  deleteObjects: {
    // Each is asked about by itself, and told of with the others: see `api-many.test.ts`.
    inside: [{ body: { keys: ["in/a"] } }, { body: { keys: ["in/a", "out/a"] } }],
    outside: [],
  },
  listObjects: { inside: [{ query: "?prefix=in/" }, { query: "" }, { query: "?prefix=out/" }], outside: [] },
  postObject: { inside: [], outside: [{}] },
  getArchive: {
    inside: [{ query: "?prefix=in/x" }],
    outside: ["in", "i", "", "out/"].map((prefix) => ({ query: `?prefix=${prefix}` })),
  },
  headArchive: { inside: [{ query: "?prefix=in/" }], outside: [{ query: "?prefix=inn/" }] },
  postArchive: {
    inside: [{ body: { keys: ["in/a", "in/b"] } }, { body: { prefix: "in/" } }],
    outside: [{ body: { keys: ["in/a", "out/b"] } }, { body: { prefix: "" } }],
  },
  signUrl: { inside: [{ body: { name: "in/a" } }], outside: [{ body: { name: "out/a" } }, { body: { name: "ina" } }] },
}

interface Bearer {
  what: string
  token: string | null
  access: Access | null
}

function bearer(what: string, scopes: Scope[], prefixes: string[] | null, backends: string[] | null = null): Bearer {
  const token = `token-${what.replaceAll(" ", "-")}`
  return { what, token, access: accessOf({ principal: token, token, scopes, prefixes, backends }) }
}

const BEARERS: Bearer[] = [
  { what: "nobody", token: null, access: null },
  { what: "a wrong one", token: "wrong", access: null },
  ...SCOPES.map((scope) => bearer(`${scope} everywhere`, [scope], null)),
  bearer("read in a folder", ["read"], ["in/"]),
  bearer("write in a folder", ["write"], ["in/"]),
  bearer("read and write in a folder", ["read", "write"], ["in/"]),
  bearer("read and write by another backend", ["read", "write"], null, ["z"]),
]

async function served(): Promise<{ ask(route: Route, name: string, sample: Sample, who: Bearer): Promise<string> }> {
  const told: AuditEvent[] = []
  const known = new Map(BEARERS.map(({ token, access }) => [token, access]))
  const verbs: Partial<Record<keyof Store, unknown>> = {
    tokens: {
      isEmpty: () => false,
      verify: (token: string) => (known.get(token) ? { access: known.get(token)!, rate: null } : null),
      get: () => ({ quota: null, scopes: ["read"] }),
    },
    namedWithin: (reference: string) => (reference === OWN_ID ? "in/own" : null),
    listBackends: () => ["a"],
    getBackend: () => ({ isDefault: true }),
    list: async function* () {},
    journal: () => [],
    failed: () => [],
    status: () => mapStore().status(),
  }
  const store = new Proxy(verbs as Store, {
    // What a route does once somebody was let through is not what is asked here.
    get: (target, verb) =>
      Reflect.get(target, verb) ??
      (() => {
        throw new StoredError("TIMEOUT", "Nothing is done here.")
      }),
  })
  const internal = {
    token: WORKER_TOKEN,
    services: () => {
      throw new StoredError("TIMEOUT", "Nothing is done here.")
    },
  }
  const app = buildApp({ store, internal, onAudit: (event) => told.push(event) })
  const address = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  return {
    async ask({ method, path }, name, { query = "", body }, { token }) {
      const parts = pathParts(path)
      const url = (parts ? parts.before + name + parts.after : path) + query
      const headers = { ...(token !== null && { authorization: `Bearer ${token}` }) }
      told.length = 0
      const answer = await fetch(address + url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
      await answer.body?.cancel()
      const refusal = told.find(({ decision }) => decision === "refused")
      if (refusal?.code === "UNAUTHENTICATED" || answer.status === 401) return "asked who it is"
      if (refusal?.code === "FORBIDDEN") return "refused"
      return answer.status === 404 && name.includes(":") ? "not there" : "let through"
    },
  }
}

type Guarded = Exclude<Policy, { open: true }>
type Where = "inside" | "outside"

/** As the policies say it in words, and not by the code that is tested. */
function expected(
  { scope, on }: Guarded,
  who: Bearer,
  where: Where,
  isOwnContent: boolean | null,
  route: Route,
): string {
  const { access } = who
  if (access === null) return "asked who it is"
  const scopes = SCOPES.filter((one) => who.what.split(" ").slice(0, 3).includes(one))
  const has = (one: string): boolean =>
    scopes.includes(one as Scope) || (scopes.includes("admin") && (one === "read" || one === "write"))
  const also = NAMED[route.operation]?.also
  if (!has(scope) || (also !== undefined && !has(also))) return scope === "worker" ? "asked who it is" : "refused"
  const isLimited = who.what.endsWith("in a folder")
  const isElsewhere = who.what.endsWith("by another backend")
  if (on === "whole") return isLimited || isElsewhere ? "refused" : "let through"
  if (isElsewhere && on === "backend") return "refused"
  if (!isLimited) return "let through"
  if (isOwnContent !== null && (on === "name" || on === "blob")) {
    if (on === "blob" && scope === "write") return "refused"
    return isOwnContent ? "let through" : "not there"
  }
  return where === "inside" || on === "kept" ? "let through" : "refused"
}

/** Names in a route's path, where they are, and whose content they are where they are checksums. */
function namesOf({ policy, path }: Route): [name: string, where: Where, isOwn: boolean | null][] {
  const on = (policy as Guarded).on
  const keys: [string, Where, null][] = [
    ["in/a", "inside", null],
    ["in%2Fa", "inside", null],
    ["out/a", "outside", null],
    ["in", "outside", null],
    ["ina", "outside", null],
    ["IN/a", "outside", null],
  ]
  const contents: [string, Where, boolean][] = [
    [OWN_ID, "inside", true],
    [FOREIGN_ID, "outside", false],
    [UNKNOWN_ID, "outside", false],
  ]
  if (on === "key") return keys
  if (on === "name") return [...keys, ...contents]
  if (on === "blob") return contents
  return [[pathParts(path) ? "a" : "", "inside", null]]
}

describe("who may do what", () => {
  const routes = [...ROUTES, ...INTERNAL_ROUTES].map((route): [string, Route] => [
    `${route.method} ${route.path}`,
    route,
  ])

  it.each(routes.filter(([, { policy }]) => "open" in policy))("%s asks nobody", async (_name, route) => {
    const { ask } = await served()
    for (const who of BEARERS) {
      // Answered all the same, but told to the audit as a guess: see `access-doors`.
      if (route.path === "/ready" && who.what === "a wrong one") continue
      expect(await ask(route, "in/a", {}, who), who.what).not.toMatch(/asked|refused/)
    }
  })

  it.each(routes.filter(([, { policy }]) => !("open" in policy)))("%s", async (_name, route) => {
    const { ask } = await served()
    const policy = route.policy as Guarded
    const named = policy.on === "named" ? NAMED[route.operation] : { inside: [{}] as Sample[], outside: [] }
    expect(named, `the route ${route.operation} is described in NAMED`).toBeDefined()
    for (const [name, at, isOwn] of namesOf(route)) {
      for (const where of ["inside", "outside"] as const) {
        for (const sample of named![where]) {
          const place = policy.on === "named" ? where : at
          for (const who of BEARERS) {
            const wanted = expected(policy, who, place, isOwn, route)
            const told = await ask(route, name, sample, who)
            // Which backends a put, a read or an archive would use is its own question.
            if (who.what.endsWith("by another backend") && wanted === "let through" && told === "refused") continue
            expect([told, name, sample, who.what]).toEqual([wanted, name, sample, who.what])
          }
        }
      }
    }
  })

  it("finds routes of every kind", () => {
    const kinds = new Set(ROUTES.map(({ policy }) => ("open" in policy ? "open" : policy.on)))
    expect([...kinds].sort()).toEqual(["backend", "blob", "kept", "key", "name", "named", "open", "whole"])
  })
})
