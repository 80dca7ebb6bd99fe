/** Patterns: what they mean, against a naive model; how much work they make, counted in steps. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { compilePattern, MAX_PATTERN_STARS, matchPattern, runPattern } from "../../src/core/pattern.ts"

const CASES: [pattern: string, text: string, matched: boolean][] = [
  ["", "", true],
  ["", "a", false],
  ["a", "a", true],
  ["a", "A", false],
  ["a", "ab", false],
  ["*", "", true],
  ["*", "photo.png", true],
  ["*", "a/b", false],
  ["**", "a/b/c", true],
  ["***", "a/b/c", true],
  ["*.png", "photo.png", true],
  ["*.png", "a/photo.png", false],
  ["**.png", "a/photo.png", true],
  ["photos/*", "photos/a", true],
  ["photos/*", "photos/a/b", false],
  ["photos/**", "photos/a/b", true],
  ["photos/**", "photos", false],
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["a/**/b", "axb", false],
  ["a/**/b", "a/xb", false],
  ["**/b", "b", true],
  ["**/b", "a/b", true],
  ["**/b", "ab", false],
  ["x**/b", "xb", false],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["a?c", "ac", false],
  ["?", "😀", true],
  ["??", "😀", false],
  ["sha256:ab*", "sha256:abcdef", true],
  ["sha256:ab*", "sha256:bbcdef", false],
  // nothing else has a meaning
  ["[ab].(c|d)+\\.$", "[ab].(c|d)+\\.$", true],
  [".", "x", false],
  ["\\*", "\\anything", true],
]

describe("matchPattern", () => {
  it.each(CASES)("%j on %j: %j", (pattern, text, matched) => {
    expect(matchPattern(pattern, text)).toBe(matched)
  })

  it("agrees with a naive model", () => {
    const pattern = fc.array(fc.constantFrom("a", "b", "/", "*", "**", "?", "**/", "/**/"), { maxLength: 8 })
    const text = fc.array(fc.constantFrom("a", "b", "/", "😀"), { maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (parts, chars) => {
        expect(matchPattern(parts.join(""), chars.join(""))).toBe(naive(parts.join(""), chars))
      }),
      { numRuns: 5000 },
    )
  })

  it.each([
    ["a*".repeat(MAX_PATTERN_STARS), "a".repeat(1024)],
    ["**a".repeat(MAX_PATTERN_STARS / 2), `${"a".repeat(1023)}b`],
    ["**/".repeat(MAX_PATTERN_STARS / 2), "a/".repeat(512)],
    ["?".repeat(1024), "a".repeat(1024)],
    [`${"*?".repeat(MAX_PATTERN_STARS)}b`, "a".repeat(1024)],
  ])("does bounded work: %j", (pattern, text) => {
    const compiled = compilePattern(pattern)
    const { steps } = runPattern(compiled, text)
    expect(steps).toBeGreaterThan(0)
    expect(steps).toBeLessThanOrEqual((text.length + 1) * (compiled.places.length + 1))
  })

  it("grows with the text as the text does, also where nothing matches", () => {
    const compiled = compilePattern("**a*b**a*b**c")
    const steps = (length: number): number => runPattern(compiled, "ab".repeat(length)).steps
    expect(steps(400) / steps(200)).toBeLessThan(2.1)
  })

  it("refuses patterns that are too long or have too many stars", () => {
    const refusal = { code: "INVALID_INPUT" }
    expect(() => matchPattern("a".repeat(1025), "a")).toThrow(expect.objectContaining(refusal))
    expect(() => matchPattern("*a".repeat(65), "a")).toThrow(expect.objectContaining(refusal))
    expect(matchPattern("a".repeat(1024), "a".repeat(1024))).toBe(true)
  })
})

/** Slow and plain: what a pattern means. */
function naive(pattern: string, text: readonly string[], segmentStart = true): boolean {
  if (pattern === "") return text.length === 0
  if (pattern.startsWith("**")) {
    const rest = pattern.replace(/^\*+/, "")
    if (segmentStart && rest.startsWith("/") && naive(rest.slice(1), text, true)) return true
    for (let taken = 0; taken <= text.length; taken += 1) if (naive(rest, text.slice(taken), false)) return true
    return false
  }
  if (pattern.startsWith("*")) {
    for (let taken = 0; taken <= text.length; taken += 1) {
      if (naive(pattern.slice(1), text.slice(taken), false)) return true
      if (text[taken] === "/") return false
    }
    return false
  }
  const [first] = pattern
  const [char, ...others] = text
  if (char === undefined || (first === "?" ? char === "/" : first !== char)) return false
  return naive(pattern.slice(first!.length), others, first === "/")
}
