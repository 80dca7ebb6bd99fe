/** Tokens: their form, what is kept of them, what they can be. */
import { describe, expect, it } from "vitest"
import { digestSecret, hasDigest, joinToken, makeSecret, makeTokenId, splitToken } from "../../src/core/token.ts"
import { parseSettings, tokenSchema } from "../../src/core/token-settings.ts"

describe("a token", () => {
  it("has a public id and 256 bits of its own", () => {
    const secrets = new Set(Array.from({ length: 1_000 }, makeSecret))
    expect(secrets.size).toBe(1_000)
    for (const secret of secrets) expect(Buffer.from(secret, "base64url")).toHaveLength(32)
    const token = joinToken(makeTokenId(), makeSecret())
    expect(token).toMatch(/^[0-9a-f]{12}\.[A-Za-z0-9_-]{43}$/)
    expect(joinToken(splitToken(token)!.id, splitToken(token)!.secret)).toBe(token)
  })

  it("is only what was made here", () => {
    const [id, secret] = [makeTokenId(), makeSecret()]
    for (const text of [
      "",
      ".",
      id,
      `${id}.`,
      `.${secret}`,
      `${id}.${secret}x`,
      `${id}.${secret} `,
      `x${id}.${secret}`,
    ])
      expect(splitToken(text)).toBeNull()
  })

  it("is known by either of two digests, and by no other", () => {
    const [one, two, three] = [makeSecret(), makeSecret(), makeSecret()]
    const digests = [digestSecret(one!), digestSecret(two!)]
    expect([one, two, three].map((secret) => hasDigest(secret!, digests))).toEqual([true, true, false])
    expect(hasDigest(two!, digests.slice(0, 1))).toBe(false)
    expect(hasDigest(one!, [])).toBe(false)
    expect(digestSecret(one!)).not.toContain(one)
  })
})

describe("what a token is to be", () => {
  const issuesOf = (input: unknown): string[] => {
    try {
      parseSettings(tokenSchema, input)
      return []
    } catch (error) {
      return (error as { details: { issues: { path: string }[] } }).details.issues.map(({ path }) => path)
    }
  }

  it("is read as people write it", () => {
    const settings = { name: "camera", scopes: ["write"], prefixes: ["a/"], expiresIn: "90d", quota: { bytes: "10GB" } }
    expect(parseSettings(tokenSchema, settings)).toMatchObject({ expiresIn: 90 * 86_400_000, quota: { bytes: 1e10 } })
  })

  it("is refused with every mistake at once", () => {
    expect(
      issuesOf({
        name: "",
        scopes: [],
        prefixes: ["/a"],
        backends: ["../x"],
        expiresIn: "soon",
        rate: { perSecond: 0 },
        quota: { bytes: -1 },
        x: 1,
      }).sort(),
    ).toEqual(["", "backends.0", "expiresIn", "name", "prefixes.0", "quota.bytes", "rate.perSecond", "scopes"])
  })

  it.each([
    ["an administrator of a part", { scopes: ["admin"], prefixes: ["a/"] }, ["scopes"]],
    ["a worker of some backends", { scopes: ["read", "worker"], backends: ["nas"] }, ["scopes"]],
    ["a quota of nothing", { scopes: ["read"], quota: {} }, ["quota"]],
    ["no prefix at all", { scopes: ["read"], prefixes: [] }, ["prefixes"]],
    ["a name that moves the cursor", { scopes: ["read"], name: "a\u001b[2J" }, ["name"]],
  ])("is never %s", (_what, given, paths) => {
    expect(issuesOf({ name: "x", ...given })).toEqual(paths)
  })
})
