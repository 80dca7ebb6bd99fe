/** The one authorisation function, and the prefixes that it looks at: what was not granted is denied. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  ANONYMOUS,
  accessOf,
  authorise,
  type Grant,
  ROOT,
  SCOPES,
  type Scope,
  type Wanted,
} from "../../src/core/access.ts"
import {
  accessPrefixFault,
  coversKey,
  coversOf,
  coversPrefix,
  partsWithin,
  widest,
} from "../../src/core/access-prefix.ts"
import { isStoredError } from "../../src/core/error.ts"
import { keyFault } from "../../src/core/key.ts"

const segment = fc.constantFrom("a", "ab", "b", "c.txt", "é", "😀", "\uffff")
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"))
const prefix = fc.tuple(key, fc.boolean()).map(([text, isFolder]) => (isFolder ? `${text}/` : text))
const prefixes = fc.option(fc.array(prefix, { minLength: 1, maxLength: 4 }), { nil: null })
const scopes = fc.subarray([...SCOPES])
const backends = fc.option(fc.subarray(["nas", "s3", "cold"]), { nil: null })
/** Keys, and what somebody may try in the place of one. */
const anyKey = fc.oneof(
  key,
  fc.string({ unit: "binary", maxLength: 12 }),
  key.map((text) => `${text}/../b`),
  key.map((text) => `/${text}`),
  key.map((text) => `${text}//x`),
  key.map((text) => `${text}\u0000`),
)

function grant(given: Partial<Grant> = {}) {
  return accessOf({ principal: "token:1", token: "1", scopes: ["read"], prefixes: null, backends: null, ...given })
}

function isAllowed(access: ReturnType<typeof grant>, wanted: Wanted): boolean {
  try {
    authorise(access, wanted)
    return true
  } catch (error) {
    if (isStoredError(error) && error.code === "FORBIDDEN") return false
    throw error
  }
}

/** As a person would say it: one of the folders holds the key, or one of the names is it. */
function holds(list: readonly string[] | null, name: string): boolean {
  const parts = name.split("/")
  return (
    list === null ||
    list.some(
      (own) =>
        own === name ||
        (own.endsWith("/") &&
          parts.slice(0, own.split("/").length - 1).join("/") === own.slice(0, -1) &&
          parts.length >= own.split("/").length),
    )
  )
}

describe("authorise", () => {
  it("lets nobody at a key that is not canonical, whatever they may", () => {
    fc.assert(
      fc.property(anyKey, prefixes, (name, list) => {
        const access = grant({ prefixes: list })
        fc.pre(keyFault(name) !== null)
        expect(isAllowed(access, { scope: "read", keys: [name] })).toBe(false)
        expect(isAllowed(ROOT, { scope: "read", keys: [name] })).toBe(false)
      }),
    )
  })

  it("lets at exactly the keys in the folders, and those that are named", () => {
    fc.assert(
      fc.property(key, prefixes, (name, list) => {
        expect(isAllowed(grant({ prefixes: list }), { scope: "read", keys: [name] })).toBe(holds(list, name))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ["a/", "ab", false],
    ["a/", "a", false],
    ["a/", "a/b/c", true],
    ["a", "a", true],
    ["a", "ab", false],
    ["a", "a/b", false],
    ["a/", "A/b", false],
    ["é/", "e\u0301/x", false],
  ])("%s and the key %s: %s", (own, name, isWithin) => {
    expect(coversKey([own], name)).toBe(isWithin)
  })

  it("allows only if every part is allowed, and more grants never allow less", () => {
    const wanted = fc.record({
      scope: fc.constantFrom(...SCOPES),
      keys: fc.array(key, { maxLength: 3 }),
      backends: fc.subarray(["nas", "s3", "cold"]),
    })
    fc.assert(
      fc.property(scopes, prefixes, backends, wanted, (own, list, names, { scope, keys, backends: used }) => {
        const access = grant({ scopes: own, prefixes: list, backends: names })
        const parts = [
          isAllowed(access, { scope }),
          ...keys.map((one) => isAllowed(access, { scope, keys: [one] })),
          ...used.map((one) => isAllowed(access, { scope, backends: [one] })),
        ]
        const whole = isAllowed(access, { scope, keys, backends: used })
        expect(whole).toBe(!parts.includes(false))
        if (whole) {
          expect(isAllowed(grant({ scopes: SCOPES }), { scope, keys, backends: used })).toBe(true)
          expect(isAllowed(grant({ scopes: own, prefixes: list && [...list, "zz/"] }), { scope, keys })).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it("allows nothing to whoever was granted nothing", () => {
    for (const scope of SCOPES) expect(isAllowed(grant({ scopes: [] }), { scope })).toBe(false)
    expect(isAllowed(grant({ prefixes: [] }), { scope: "read", keys: ["a"] })).toBe(false)
    expect(isAllowed(grant({ prefixes: [] }), { scope: "read", prefix: "" })).toBe(false)
    expect(isAllowed(grant({ backends: [] }), { scope: "read", backends: ["nas"] })).toBe(false)
  })

  it("makes a reader and a writer of an administrator, and a worker of nobody else", () => {
    const table: [Scope, Scope[]][] = [
      ["read", ["read"]],
      ["write", ["write"]],
      ["admin", ["read", "write", "admin"]],
      ["worker", ["worker"]],
    ]
    for (const [own, may] of table)
      expect(SCOPES.filter((scope) => grant({ scopes: [own] }).allows(scope))).toEqual(may)
    for (const access of [ROOT, ANONYMOUS]) expect(access.allows("worker")).toBe(false)
  })

  it("tells nothing of what is there", () => {
    const access = grant({ prefixes: ["a/"] })
    for (const name of ["b/secret-plan", "b/other"]) {
      try {
        authorise(access, { scope: "read", keys: [name] })
        expect.unreachable()
      } catch (error) {
        expect(JSON.stringify(error)).not.toContain(name)
      }
    }
  })
})

describe("prefixes", () => {
  it("are folders or keys", () => {
    for (const good of ["a/", "a/b/", "a", "a.txt"]) expect(accessPrefixFault(good)).toBeNull()
    for (const bad of ["", "/", "/a", "a//", "../", "a/../b/", "a\u0000", "."])
      expect(accessPrefixFault(bad)).not.toBeNull()
  })

  it("cover a prefix only where they cover every key that begins so", () => {
    fc.assert(
      fc.property(prefixes, fc.oneof(prefix, fc.constant("")), key, (list, asked, name) => {
        if (coversPrefix(list, asked) && name.startsWith(asked)) expect(coversKey(list, name)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
    expect(coversPrefix(["a/"], "a")).toBe(false)
    expect(coversPrefix(["a/b"], "a/b")).toBe(false)
    expect(coversPrefix(["a/"], "a/b")).toBe(true)
  })

  it("cut a listing to what is covered: every key once, in order", () => {
    fc.assert(
      fc.property(prefixes, fc.oneof(prefix, fc.constant("")), fc.uniqueArray(key), (list, asked, keys) => {
        const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        const listed = partsWithin(list, asked).flatMap((part) =>
          sorted.filter((name) => (part.isKey ? name === part.prefix : name.startsWith(part.prefix))),
        )
        expect(listed).toEqual(sorted.filter((name) => name.startsWith(asked) && coversKey(list, name)))
      }),
      { numRuns: 2_000 },
    )
  })

  it("are kept without those that lie in others", () => {
    expect(widest(["b", "a/b/", "a/", "a/x", "b", "ab/"])).toEqual(["a/", "ab/", "b"])
  })

  it("that can cover a key are its folders and itself", () => {
    expect([...coversOf("a/b/c")]).toEqual(["", "a/", "a/b/", "a/b/c"])
    fc.assert(
      fc.property(prefix, key, (own, name) => {
        expect(coversKey([own], name)).toBe([...coversOf(name)].slice(1).includes(own))
      }),
    )
  })
})
