/** What scans pass over: patterns of gitignore mean what they mean to others, and no pattern and no name makes more work than both are long. */
import fc from "fast-check"
import ignore from "ignore"
import { describe, expect, it } from "vitest"
import { scanSchema } from "../../src/core/scan-settings.ts"
import { IgnoreRules } from "../../src/store/scan/ignore-rules.ts"

/** As the library of that name says, which makes regular expressions. */
function others(patterns: readonly string[], key: string): boolean {
  return ignore({ ignorecase: false, allowRelativePaths: true })
    .add([...patterns])
    .ignores(key)
}

const CASES: [patterns: string[], key: string, isIgnored: boolean][] = [
  [["*.tmp"], "a.tmp", true],
  [["*.tmp"], "b/c/a.tmp", true],
  [["*.tmp"], "a.tmp2", false],
  [["*.tmp", "!keep.tmp"], "b/keep.tmp", false],
  [["!keep.tmp", "*.tmp"], "keep.tmp", true],
  [["node_modules/"], "a/node_modules/x/y", true],
  [["node_modules/"], "node_modules", false],
  [["node_modules/"], "node_modules/", true],
  [["node_modules/", "!node_modules/keep"], "node_modules/keep", true],
  [["/deep.*"], "deep.txt", true],
  [["/deep.*"], "a/deep.txt", false],
  [["a/b"], "a/b/c", true],
  [["a/b"], "x/a/b", false],
  [["**/a/b"], "x/a/b", true],
  [["a/**/b"], "a/b", true],
  [["a/**/b"], "a/x/y/b", true],
  [["a/**"], "a/x", true],
  [["a/**"], "a", false],
  [["a/*/c"], "a/b/c", true],
  [["a/*/c"], "a/b/b/c", false],
  [["a/**/"], "a/b/c", true],
  [["a/**/"], "a/b", false],
  [["**"], "a/b", true],
  [["/**"], "a", true],
  [["[a-c]x", "[!a]y"], "bx", true],
  [["[a-c]x", "[!a]y"], "ay", false],
  [["[]x]"], "]", true],
  [["[[:digit:]]"], "7", true],
  [["[[:nothing:]]"], "7", false],
  [["[a"], "[a", false],
  [["[c-a]"], "c", true],
  [["a[/]b"], "a/b", false],
  [["\\*"], "*", true],
  [["\\*"], "a", false],
  [["\\!a", "\\#b"], "!a", true],
  [["\\!a", "\\#b"], "#b", true],
  [["# a", "b"], "# a", false],
  [["a  "], "a", true],
  [["a\\ "], "a ", true],
  [["a\\"], "a", false],
  [["", "/", "!"], "a", false],
  [["a?c"], "abc", true],
  [["?"], "/", false],
  [["A"], "a", false],
  [["+(ab|abab)"], "+(ab|abab)", true],
]

describe("patterns of gitignore", () => {
  it.each(CASES)("%j on %j: %j", (patterns, key, isIgnored) => {
    expect(new IgnoreRules(patterns).ignores(key)).toBe(isIgnored)
    if (key !== "/") expect(others(patterns, key)).toBe(isIgnored)
  })

  it("mean what they mean to others, however they are put together, and whatever key came before", () => {
    const part = fc.constantFrom("a", "b", "*", "**", "?", "/", "/**/", "**/", "/**", "[ab]", "[!a]", "\\*", "*a", "b*")
    const patterns = fc.array(
      fc
        .tuple(fc.constantFrom("", "", "!"), fc.array(part, { minLength: 1, maxLength: 6 }))
        .map(([sign, parts]) => sign + parts.join("")),
      { minLength: 1, maxLength: 4 },
    )
    const key = fc
      .array(fc.constantFrom("a", "b", "ab", "ba", "aab", "*"), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join("/"))
    fc.assert(
      fc.property(patterns, fc.array(key, { minLength: 1, maxLength: 6 }), (lines, keys) => {
        // Where stars stand beside slashes that are doubled, or beside a text, the two of them and git are of three minds.
        fc.pre(lines.every((line) => !/\/\/|[^/!]\*\*|\*\*[^/]/.test(line)))
        const rules = new IgnoreRules(lines)
        for (const one of keys) expect([lines, one, rules.ignores(one)]).toEqual([lines, one, others(lines, one)])
      }),
      { numRuns: 1_500 },
    )
  })
})

describe("hostile patterns", () => {
  const A = "a".repeat(255)
  it.each<[string, string, string]>([
    ["stars between letters", `${"a*".repeat(500)}b`, "a".repeat(1_024)],
    ["many stars", `${"*".repeat(34)}b`, "a".repeat(1_024)],
    ["question marks and stars", `${"*?".repeat(400)}b`, "a".repeat(1_024)],
    ["folders anywhere", `${"**/a/".repeat(200)}b`, "a/".repeat(512)],
    ["folders anywhere, with stars", `${"**/*a*/".repeat(140)}b`, `${"aa/".repeat(340)}a`],
    ["stars over long names", `${"**/*a*a*a/".repeat(100)}b`, [A, A, A, A].join("/")],
    ["classes", `${"[a-z]*".repeat(170)}0`, "a".repeat(1_024)],
    ["alternatives of others", "+(ab|abab)".repeat(100), "ab".repeat(512)],
    ["a class that never ends", "[".repeat(1_024), "[".repeat(1_024)],
    ["backslashes", "\\".repeat(1_023), "\\".repeat(1_024)],
    ["blanks", `a${" ".repeat(1_000)}b`, " ".repeat(1_024)],
  ])("%s make no more work than pattern × name", (_what, pattern, key) => {
    const rules = new IgnoreRules([pattern])
    for (const one of [key, `${key}x`, `x/${key}`]) {
      const before = rules.steps
      rules.ignores(one)
      expect(rules.steps - before).toBeLessThanOrEqual((pattern.length + 1) * (one.length + 1))
    }
  })

  it("work grows with the name as the name does", () => {
    const steps = (length: number): number => {
      const rules = new IgnoreRules([`${"**/a*a/".repeat(30)}b`])
      rules.ignores("aa/".repeat(length))
      return rules.steps
    }
    expect(steps(300) / steps(150)).toBeLessThan(2.5)
  })

  it("are refused where they are too long, too many, or too much together", () => {
    const isTaken = (patterns: string[]): boolean => scanSchema.safeParse({ ignore: patterns }).success
    expect(isTaken(["*".repeat(1_024)])).toBe(true)
    expect(isTaken(["*".repeat(1_025)])).toBe(false)
    expect(isTaken(Array(1_000).fill("*.tmp"))).toBe(true)
    expect(isTaken(Array(1_001).fill("*.tmp"))).toBe(false)
    expect(isTaken(Array(64).fill("a".repeat(1_024)))).toBe(true)
    expect(isTaken(Array(65).fill("a".repeat(1_024)))).toBe(false)
  })
})
