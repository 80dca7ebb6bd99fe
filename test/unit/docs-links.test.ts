/** Every relative link of the documents leads to a file that is there, and every anchor to a heading of it. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const PAGES = ["README.md", "CHANGELOG.md", ...inside("docs"), ...inside("examples")]

function inside(folder: string): string[] {
  const found = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
  return found.filter((name) => name.endsWith(".md")).map((name) => join(folder, name))
}

/** Without code, in which brackets are no links. */
function prose(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "")
}

/** As GitHub names the headings of a page: lower case, no punctuation, hyphens for blanks, and numbers for those that come again. */
function anchors(markdown: string): Set<string> {
  const counts = new Map<string, number>()
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} +(.+?) *$/gm)
  return new Set(
    [...headings].map(([, text = ""]) => {
      const slug = text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
        .replaceAll(" ", "-")
      const before = counts.get(slug) ?? 0
      counts.set(slug, before + 1)
      return before === 0 ? slug : `${slug}-${before}`
    }),
  )
}

/** What is wrong with the links of a page, in words. */
function faults(page: string, markdown: string): string[] {
  const links = [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target)
  return links
    .filter((target) => !/^[a-z]+:/.test(target))
    .flatMap((target) => {
      const [path = "", anchor] = target.split("#")
      const file = path === "" ? page : join(dirname(page), decodeURIComponent(path))
      const kind = statSync(join(ROOT, file), { throwIfNoEntry: false })
      if (!kind) return [`${target}: ${file} is not there`]
      if (anchor === undefined || kind.isDirectory()) return []
      const text = file === page ? markdown : readFileSync(join(ROOT, file), "utf8")
      return anchors(text).has(anchor) ? [] : [`${target}: ${file} has no such heading`]
    })
}

test.each(PAGES)("%s", (page) => {
  expect(faults(page, readFileSync(join(ROOT, page), "utf8"))).toEqual([])
})

test("every page of docs is named by its index", () => {
  const index = readFileSync(join(ROOT, "docs/README.md"), "utf8")
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md") && name !== "README.md")
  expect(pages.filter((name) => !index.includes(`](${name})`))).toEqual([])
})

describe("the test itself", () => {
  test("sees a file and a heading that are not there, and takes those that are", () => {
    const here = relative(ROOT, join(ROOT, "docs/README.md"))
    const text =
      "# A `b` and c: d\n[ok](#a-b-and-c-d) [ok](../README.md) [no](none.md) [no](#none)\n```\n[code](x)\n```"
    expect(faults(here, text)).toEqual([
      expect.stringContaining("docs/none.md is not there"),
      expect.stringContaining("has no such heading"),
    ])
  })
})
