/**
 * What a comparison of tokens tells by the time that it takes. Times themselves depend on the machine; so it is counted that the same is done whoever asks: as many digests of one length, compared by `timingSafeEqual`, for an id that
 * is known as for one that is not, for a right secret as for a wrong one, and whatever its length.
 */
import { describe, expect, it, vi } from "vitest"
import type { TokenRecord } from "../../src/catalog/record.ts"
import { bearsToken, isToken } from "../../src/core/bearer.ts"
import { digestSecret, hasDigest, joinToken, makeSecret, makeTokenId } from "../../src/core/token.ts"
import { TokenBook } from "../../src/store/tokens/token-book.ts"

const compared = vi.hoisted((): [number, number][] => [])

vi.mock("node:crypto", async (load) => {
  const crypto = await load<typeof import("node:crypto")>()
  const timingSafeEqual: typeof crypto.timingSafeEqual = (one, other) => {
    compared.push([one.byteLength, other.byteLength])
    return crypto.timingSafeEqual(one, other)
  }
  return { ...crypto, default: { ...crypto, timingSafeEqual }, timingSafeEqual }
})

/** What was compared meanwhile, as bytes of either side. */
function during<Result>(work: () => Result): { result: Result; lengths: [number, number][] } {
  compared.length = 0
  const result = work()
  return { result, lengths: [...compared] }
}

const DIGEST: [number, number] = [32, 32]
const NOW = 1_000

function record(given: Partial<TokenRecord>, secret = makeSecret()): { record: TokenRecord; token: string } {
  const id = makeTokenId()
  const made: TokenRecord = {
    id,
    name: "one",
    scopes: ["read"],
    prefixes: null,
    backends: null,
    digest: digestSecret(secret),
    former: null,
    rate: null,
    quota: null,
    created: 0,
    expires: null,
    revoked: null,
    lastUsed: null,
    ...given,
  }
  return { record: made, token: joinToken(id, secret) }
}

describe("a look for a token", () => {
  const former = makeSecret()
  const good = record({})
  const rotated = record({ former: { digest: digestSecret(former), until: NOW + 1 } })
  const revoked = record({ revoked: 1 })
  const expired = record({ expires: 1 })
  const kept = [good, rotated, revoked, expired].map((one) => one.record)
  const book = new TokenBook({ list: () => kept.values(), noteUses: async () => {} }, { now: () => NOW })
  const wrong = makeSecret()

  it.each<[string, string, boolean]>([
    ["a right secret", good.token, true],
    [
      "a secret that is wrong at its end",
      `${good.token.slice(0, -2)}${good.token.endsWith("AA") ? "BB" : "AA"}`,
      false,
    ],
    ["a secret that is wrong all over", joinToken(good.record.id, wrong), false],
    ["the secret after a rotation", rotated.token, true],
    ["the secret before a rotation", joinToken(rotated.record.id, former), true],
    ["an unknown id", joinToken("0123456789ab", wrong), false],
    ["the right secret of another id", joinToken("0123456789ab", good.token.split(".")[1]!), false],
    ["a revoked token", revoked.token, false],
    ["one that is over", expired.token, false],
    ["no token at all", "", false],
    ["what has not its form", "x", false],
    ["what is much too long", "x".repeat(10_000), false],
    ["a token with something behind it", `${good.token}x`, false],
  ])("does the same for %s", (_what, shown, isGood) => {
    const { result, lengths } = during(() => book.verify(shown))
    expect(result !== null).toBe(isGood)
    expect(lengths).toEqual([DIGEST, DIGEST])
  })

  it.each([[[]], [["1".repeat(64)]], [["1".repeat(64), "2".repeat(64)]]])(
    "compares two digests, also with %j",
    (digests) => {
      const { result, lengths } = during(() => hasDigest(wrong, digests))
      expect(result).toBe(false)
      expect(lengths).toEqual([DIGEST, DIGEST])
    },
  )
})

describe("a look for a token that a person has chosen", () => {
  const tokens = ["short", "one-that-is-quite-a-bit-longer-than-the-other"]

  it.each(["short", "shorT", "s", "", "x".repeat(9_000), tokens[1]!, "ü"])(
    "compares digests, all of them: %j",
    (given) => {
      const { result, lengths } = during(() => isToken(given, tokens))
      expect(result).toBe(tokens.includes(given))
      // Of a digest nobody learns how long the token is, nor which of them was meant.
      expect(lengths).toEqual([DIGEST, DIGEST])
    },
  )

  it("does so also where the header is missing or of another kind", () => {
    for (const header of [undefined, "", "Basic c2hvcnQ=", "Bearer", "Bearer short"])
      expect(during(() => bearsToken(header, tokens)).lengths).toEqual([DIGEST, DIGEST])
  })
})
