/**
 * The floors of the house (DESIGN §6): an import may only go down. Types count: a contract that leans on what stands above it is
 * no contract. Each complaint says which rule and why, so that the answer is found here and not in the history.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, posix, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** From the ground up. A part may import itself and whatever is on a lower floor, never its neighbours. */
const FLOORS: readonly (readonly string[])[] = [
  ["src/core", "src/thread-pool"],
  ["src/backends", "src/staging", "src/catalog", "src/checksums", "src/bus", "src/metrics", "src/tracing"],
  ["queues"],
  ["src/store"],
  ["src/api", "src/client", "src/doctor", "src/cli", "workers"],
  ["src/compose"],
]
/** Entries only wire and start; they may import anything, and nothing imports them. */
const ENTRIES = ["src/server.ts", "src/index.ts", "src/cli/main.ts", "workers/main.ts"]

/** package → where it may be imported, and why nowhere else */
const CONFINED: Readonly<Record<string, readonly [allowed: string, reason: string]>> = {
  "@aws-sdk/client-s3": ["src/backends/s3", "it is large, and loaded only where an S3 backend is opened"],
  "@aws-sdk/s3-request-presigner": ["src/backends/s3", "it is large, and loaded only where an address is presigned"],
  bullmq: ["queues/bullmq", "the rest of the house must not know which queue carries its jobs"],
  lmdb: ["src/catalog/lmdb/", "the catalog's contract must stay one that another database can keep"],
  "@opentelemetry/api": ["src/tracing/", "the rest of the house makes spans, and does not know who collects them"],
  "@opentelemetry/context-async-hooks": ["src/tracing/", "it is loaded only where somebody collects spans"],
  "@opentelemetry/exporter-trace-otlp-http": ["src/tracing/", "it is loaded only where somebody collects spans"],
  "@opentelemetry/resources": ["src/tracing/", "it is loaded only where somebody collects spans"],
  "@opentelemetry/sdk-trace": ["src/tracing/", "it is loaded only where somebody collects spans"],
  "prom-client": ["src/metrics/", "the rest of the house counts, and does not know who reads it"],
}

const CORE_PACKAGES = ["zod"]
const MAX_LINES = 300
const GRAB_BAGS = /^(utils?|helpers?|types?|common|misc|shared)\.ts$|\/(utils?|helpers?|types?|common|misc)\//

interface SourceFile {
  /** from the root, with slashes */
  path: string
  text: string
}

/** Every complaint about these files. */
function complaints(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [
    ...importsOf(file.text).flatMap((target) => importComplaint(file.path, target)),
    ...shapeComplaints(file),
  ])
}

function importComplaint(from: string, target: string): string[] {
  const importer = partOf(from)
  if (!importer) return [`${from} belongs to no part: name its folder in FLOORS, so that it has a floor.`]
  if (!target.startsWith(".")) return packageComplaint(from, target)
  const to = posix.normalize(posix.join(posix.dirname(from), target))
  if (!to.endsWith(".ts") && !to.endsWith(".json"))
    return [`${from} imports "${target}": imports end in .ts, for Node runs them unbuilt.`]
  if (to === "package.json") return []
  if (ENTRIES.includes(to))
    return [`${from} imports the entry ${to}: entries only wire and start, nothing builds on them.`]
  const imported = partOf(to)
  if (!imported)
    return [`${from} imports ${to}, which belongs to no part: the library does not lean on tests, benches or tools.`]
  if (ENTRIES.includes(from) || importer.name === imported.name || importer.floor > imported.floor) return []
  if (importer.floor === imported.floor) {
    return [
      `${from} imports ${to}: ${importer.name} and ${imported.name} share a floor; hand it in through the constructor instead.`,
    ]
  }
  return [
    `${from} imports ${to}: ${importer.name} stands below ${imported.name}; move what both need down, or hand it in.`,
  ]
}

function packageComplaint(from: string, target: string): string[] {
  if (target.startsWith("node:")) return []
  const name = target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/")
  const found: string[] = []
  if (from.startsWith("src/core/") && !CORE_PACKAGES.includes(name)) {
    found.push(`${from} imports "${name}": core imports only zod and node:, because everything rests on it.`)
  }
  const confined = CONFINED[name]
  if (confined && !from.startsWith(confined[0]))
    found.push(`${from} imports "${name}", only ${confined[0]} may: ${confined[1]}.`)
  return found
}

function shapeComplaints({ path, text }: SourceFile): string[] {
  const found: string[] = []
  const lines = text.split("\n").length - 1
  if (lines > MAX_LINES)
    found.push(`${path} has ${lines} lines: split it by verb; nobody reads more than ${MAX_LINES} as one story.`)
  if (GRAB_BAGS.test(posix.basename(path)) || GRAB_BAGS.test(path)) {
    found.push(`${path}: name it for the one noun or verb it holds; a grab bag has no end.`)
  }
  return found
}

function partOf(path: string): { name: string; floor: number } | null {
  if (ENTRIES.includes(path)) return { name: path, floor: FLOORS.length }
  for (const [floor, names] of FLOORS.entries()) {
    const name = names.find((part) => path.startsWith(`${part}/`) || path === `${part}.ts`)
    if (name) return { name, floor }
  }
  return null
}

/** Static imports and re-exports, `import()` in code and in types. What stands in comments does not count. */
function importsOf(text: string): string[] {
  const code = text.replace(/("(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, "$1")
  const patterns = [
    /^(?:import|export)\b[^"'`]*?\bfrom\s*"([^"]+)"/gm,
    /^import\s*"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!))
}

function sourceFiles(): SourceFile[] {
  return ["src", "queues", "workers"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ path: relative(ROOT, path).replaceAll("\\", "/"), text: readFileSync(path, "utf8") })),
  )
}

describe("the house", () => {
  const files = sourceFiles()

  it("has files in every folder that is looked at", () => {
    for (const folder of ["src/core", "src/store", "queues", "workers"]) {
      expect(
        files.some((file) => file.path.startsWith(`${folder}/`)),
        folder,
      ).toBe(true)
    }
    expect(files.flatMap((file) => importsOf(file.text)).length).toBeGreaterThan(files.length)
  })

  it("keeps its floors, its names and its sizes", () => {
    expect(complaints(files)).toEqual([])
  })
})

describe("a complaint comes for", () => {
  it.each<[string, string, string, RegExp]>([
    ["an import upward", "src/core/a.ts", 'import { b } from "../store/b.ts"', /stands below src\/store/],
    ["a type upward", "src/catalog/a.ts", 'import type { B } from "../store/b.ts"', /stands below/],
    ["a re-export upward", "queues/a.ts", 'export * from "../src/store/b.ts"', /stands below/],
    ["an import over several lines", "src/core/a.ts", 'import {\n  b,\n  c,\n} from "../store/b.ts"', /stands below/],
    ["a dynamic import", "src/core/a.ts", 'const b = await import("../store/b.ts")', /stands below/],
    ["an imported type in place", "src/core/a.ts", 'let b: import("../store/b.ts").B', /stands below/],
    ["an import for its effect", "src/core/a.ts", 'import "../store/b.ts"', /stands below/],
    ["a neighbour", "src/staging/a.ts", 'import { b } from "../catalog/b.ts"', /share a floor/],
    ["a neighbour's type", "src/staging/a.ts", 'import type { B } from "../bus.ts"', /share a floor/],
    ["workers using the API", "workers/a.ts", 'import { b } from "../src/api/b.ts"', /share a floor/],
    [
      "the composition used from below",
      "src/cli/a.ts",
      'import { b } from "../compose.ts"',
      /stands below src\/compose/,
    ],
    ["an entry", "src/compose.ts", 'import { b } from "./server.ts"', /entry/],
    ["a test", "src/store/a.ts", 'import { b } from "../../test/b.ts"', /belongs to no part/],
    ["a homeless file", "src/odd/a.ts", 'import { b } from "../core/b.ts"', /belongs to no part/],
    ["no extension", "src/store/a.ts", 'import { b } from "./b"', /end in \.ts/],
    ["a library in core", "src/core/a.ts", 'import { b } from "hash-wasm"', /only zod/],
    ["bullmq", "workers/a.ts", 'import { Queue } from "bullmq"', /only queues\/bullmq may/],
    ["lmdb", "src/catalog/a.ts", 'import type { Database } from "lmdb"', /only src\/catalog\/lmdb\/ may/],
    ["a long file", "src/store/a.ts", "\n".repeat(301), /301 lines/],
    ["a grab bag", "src/store/utils.ts", "", /grab bag/],
    ["a folder of grab bags", "src/store/helpers/a.ts", "", /grab bag/],
  ])("%s", (_, path, text, sentence) => {
    const found = complaints([{ path, text }])
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(sentence)
  })

  it.each<[string, string, string]>([
    ["an import downward", "src/store/a.ts", 'import type { B } from "../catalog/catalog.ts"'],
    [
      "an import within a part",
      "src/catalog/lmdb/a.ts",
      'import { b } from "../record.ts"\nimport { open } from "lmdb"',
    ],
    ["what core may", "src/core/a.ts", 'import * as z from "zod"\nimport { hash } from "node:crypto"'],
    ["an entry that wires", "src/cli/main.ts", 'import { b } from "../compose.ts"\nimport { c } from "./put.ts"'],
    ["the composition", "src/compose.ts", 'import { b } from "../workers/b.ts"\nimport { c } from "./api/c.ts"'],
    ["the package's own facts", "src/store/a.ts", 'import facts from "../../package.json" with { type: "json" }'],
    [
      "comments",
      "src/core/a.ts",
      '/**\nimport { b } from "../store/b.ts"\n*/\n// await import("../store/b.ts")\nconst u = "http://x"',
    ],
  ])("not for %s", (_, path, text) => {
    expect(complaints([{ path, text }])).toEqual([])
  })
})
