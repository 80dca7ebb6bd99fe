/** Names in archives: inside the folder, names on every system, and no two of them one file there. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { EntryNames } from "../../src/store/archive/entry-names.ts"

const named = (...paths: string[]): string[] => {
  const names = new EntryNames()
  return paths.map((path) => names.next(path))
}

describe("a name", () => {
  it.each([
    ["a/b.txt", "a/b.txt"],
    ["ünï/日本.txt", "ünï/日本.txt"],
    [".hidden", ".hidden"],
    ["C:\\windows\\evil", "C__windows_evil"],
    ["C:/x", "C_/x"],
    ["a\\..\\..\\b", "a_.._.._b"],
    ["../x", "__/x"],
    ["a/.. /b", "a/___/b"],
    ["x/...", "x/___"],
    ["end. ", "end__"],
    ["NUL", "_NUL"],
    ["con.txt", "_con.txt"],
    ["com1 .x.y", "_com1 .x.y"],
    ["LPT¹", "_LPT¹"],
    ["conserve.txt", "conserve.txt"],
    ["a\u202egpj.exe", "a_gpj.exe"],
    ["tab\tand\u0000nul\u0085", "tab_and_nul_"],
    ['a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"],
  ])("of %j is %j", (path, name) => expect(named(path)).toEqual([name]))

  it("of a segment that is too long keeps its ending and has whole letters", () => {
    const [name = ""] = named(`${"é".repeat(300)}.jpeg`)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(240)
    expect(name).toMatch(/^é+\.jpeg$/)
  })
})

describe("no two names", () => {
  it.each<[string, string[], string[]]>([
    ["differ by case alone", ["a.txt", "A.txt", "a.TXT"], ["a.txt", "A (2).txt", "a (3).TXT"]],
    ["are composed and decomposed", ["\u00e9", "e\u0301"], ["\u00e9", "e\u0301 (2)"]],
    ["differ by what is not seen", ["ab", "a\u200db"], ["ab", "a\u200db (2)"]],
    ["became one", ["a?b", "a*b"], ["a_b", "a_b (2)"]],
    ["that were there already are met again", ["A (2)", "a", "A"], ["A (2)", "a", "A (3)"]],
    ["are a file and a folder", ["x", "x/y", "X/z"], ["x", "x (2)/y", "x (2)/z"]],
    ["are a folder and a file", ["x/y", "x"], ["x/y", "x (2)"]],
    ["are files in one folder by case", ["P/a", "p/A"], ["P/a", "p/A (2)"]],
  ])("%s", (_what, paths, names) => expect(named(...paths)).toEqual(names))

  it("are one file anywhere, whatever the keys are", () => {
    const segment = fc.string({ unit: "binary", minLength: 1, maxLength: 6 }).map((text) => text.replaceAll("/", "_"))
    const odd = fc.constantFrom("..", ".", "a", "A", "nul", "a ", "a.", "é", "e\u0301", "C:", "x\\y")
    const path = fc.array(fc.oneof(segment, odd), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"))
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 40 }), (paths) => {
        const names = named(...paths)
        const folded = names.map((name) => name.normalize("NFC").toUpperCase())
        expect(new Set(folded).size).toBe(names.length)
        for (const name of names) {
          expect(name).not.toMatch(/^\/|\/\/|\/$|(?:^|\/)\.{1,2}(?:\/|$)|[\\:\u0000-\u001f]|[. ](?:\/|$)/)
          // Nobody's file is where somebody needs a folder.
          for (const other of folded) expect(name.toUpperCase().normalize("NFC").startsWith(`${other}/`)).toBe(false)
        }
      }),
      { numRuns: 60 },
    )
  })

  it("take as long as others where thousands become one", () => {
    const names = new EntryNames()
    for (let index = 0; index < 20_000; index += 1) names.next("same")
    expect(names.next("same")).toBe("same (20001)")
  })
})
