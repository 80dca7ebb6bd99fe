/** Who a request is from: open until there is a token, then closed for good; rates of tokens, and of wrong ones. */
import { describe, expect, it } from "vitest"
import { Buckets, neighbourhood } from "../../src/api/access/buckets.ts"
import { Gatekeeper } from "../../src/api/access/gatekeeper.ts"
import { isLoopback, requireGuarded } from "../../src/api/access/listening.ts"
import { accessOf } from "../../src/core/access.ts"
import type { RequestRate } from "../../src/core/token-settings.ts"

const ROOT_TOKEN = "the-administrators-own"
const GOOD = "good-token"

interface World {
  root?: string | null
  tokens?: Record<string, RequestRate | null>
}

function world({ root = null, tokens = {} }: World = {}) {
  const clock = { now: 1_000 }
  const keeper = new Gatekeeper({
    root,
    now: () => clock.now,
    tokens: () => ({
      isEmpty: () => Object.keys(tokens).length === 0,
      verify: (text) => {
        if (!(text in tokens)) return null
        const access = accessOf({
          principal: `token:${text}`,
          token: text,
          scopes: ["read"],
          prefixes: null,
          backends: null,
        })
        return { access, rate: tokens[text]! }
      },
    }),
  })
  const ask = (token?: string, address = "192.0.2.1"): string => {
    try {
      return keeper.admit({ authorization: token === undefined ? undefined : `Bearer ${token}`, address }).principal
    } catch (error) {
      const { code, details } = error as { code: string; details: { retryAfter?: number } }
      return details.retryAfter === undefined ? code : `${code} ${details.retryAfter}`
    }
  }
  return { keeper, ask, clock }
}

describe("the gatekeeper", () => {
  it("asks for nothing while there never was a token", () => {
    const { ask } = world()
    expect([ask(), ask("whatever")]).toEqual(["anonymous", "anonymous"])
  })

  it.each<[string, World]>([
    ["the administrator's", { root: ROOT_TOKEN }],
    ["one that was made", { tokens: { [GOOD]: null } }],
  ])("asks everybody from the first token on: %s", (_which, given) => {
    const { ask, keeper } = world(given)
    expect([ask(), ask("wrong"), ask("")]).toEqual(["UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED"])
    const basic = () => keeper.admit({ authorization: `Basic ${btoa(`x:${GOOD}`)}`, address: "::1" })
    expect(basic).toThrow(/none that is good/)
  })

  it("knows who bears what", () => {
    const { ask } = world({ root: ROOT_TOKEN, tokens: { [GOOD]: null } })
    expect([ask(ROOT_TOKEN), ask(GOOD), ask(`${ROOT_TOKEN}x`)]).toEqual(["admin", `token:${GOOD}`, "UNAUTHENTICATED"])
  })

  it("holds a token to its rate, whoever bears it, and no other one", () => {
    const { ask, clock } = world({ tokens: { [GOOD]: { perSecond: 2, burst: 3 }, free: null } })
    const answers = Array.from({ length: 5 }, (_, index) => ask(GOOD, `192.0.2.${index}`))
    expect(answers).toEqual([...Array(3).fill(`token:${GOOD}`), "TOO_MANY_REQUESTS 1", "TOO_MANY_REQUESTS 1"])
    expect(ask("free")).toBe("token:free")
    clock.now += 500
    expect([ask(GOOD), ask(GOOD)]).toEqual([`token:${GOOD}`, "TOO_MANY_REQUESTS 1"])
    clock.now += 3_600_000
    expect(Array.from({ length: 4 }, () => ask(GOOD)).filter((answer) => answer.startsWith("token"))).toHaveLength(3)
  })

  it("stops those who guess, and nobody who bears what was made here", () => {
    const { ask, clock } = world({ root: ROOT_TOKEN, tokens: { [GOOD]: null } })
    const guesses = Array.from({ length: 25 }, (_, index) => ask(`guess-${index}`))
    expect(guesses.filter((answer) => answer === "UNAUTHENTICATED")).toHaveLength(20)
    expect(guesses.slice(20)).toEqual(Array(5).fill("TOO_MANY_REQUESTS 3"))
    expect(ask(ROOT_TOKEN)).toBe("TOO_MANY_REQUESTS 3")
    expect(ask(GOOD)).toBe(`token:${GOOD}`)
    expect(ask(ROOT_TOKEN, "192.0.2.2")).toBe("admin")
    clock.now += 3_001
    expect(ask(ROOT_TOKEN)).toBe("admin")
  })

  it("does not take requests without a token for guesses", () => {
    const { ask } = world({ root: ROOT_TOKEN })
    for (let count = 0; count < 100; count += 1) expect(ask()).toBe("UNAUTHENTICATED")
    expect(ask(ROOT_TOKEN)).toBe("admin")
  })

  it("takes a network of IPv6 for one", () => {
    expect(neighbourhood("2001:db8:1:2:aaaa::1")).toBe(neighbourhood("2001:0db8:1:2::9".replace("0db8", "db8")))
    expect(neighbourhood("2001:db8:1:2::1")).not.toBe(neighbourhood("2001:db8:1:3::1"))
    expect(neighbourhood("::1")).toBe("0:0:0:0::/64")
    expect(neighbourhood("::ffff:192.0.2.1")).toBe("192.0.2.1")
  })

  it("forgets whom it has not seen for longest, and keeps no more than it can", () => {
    const buckets = new Buckets(() => 0)
    const rate = { perSecond: 1, burst: 1 }
    buckets.take("first", rate)
    for (let count = 0; count < 50_000; count += 1) buckets.take(`name-${count}`, rate)
    expect(buckets.isSpent("first", rate)).toBe(false)
    expect(buckets.isSpent("name-49999", rate)).toBe(true)
  })
})

describe("where a server may listen", () => {
  it("without a token: on the loopback address", () => {
    for (const host of ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"]) {
      expect(isLoopback(host)).toBe(true)
      requireGuarded(host, false)
    }
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "nas", "", "127.evil.example", "localhost.evil.example"]) {
      expect(() => requireGuarded(host, false)).toThrow(/STORED_ADMIN_TOKEN/)
      requireGuarded(host, true)
    }
  })
})
