/** The configuration: the first seed's JSON loads unchanged, every mistake is told at once with its path. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseByteSize } from "../../src/core/byte-size.ts"
import { type ConfigIssue, parseConfig } from "../../src/core/config.ts"
import { StoredError } from "../../src/core/error.ts"

const SEED = `{
  "cache": { "path": ".cache", "maxSize": "1GB" },

  "backends": {
    "local": {
      "driver": "fs",
      "root": "./data",
      "watch": true
    },
    "s3-prod": {
      "driver": "s3",
      "bucket": "my-bucket",
      "credentials": {}
    }
  },

  "defaultBackends": ["local"],
  "checksums": ["sha256"]
}`

function issuesOf(input: unknown): ConfigIssue[] {
  try {
    parseConfig(input)
  } catch (error) {
    if (error instanceof StoredError && error.code === "INVALID_CONFIG") return error.details.issues as ConfigIssue[]
    throw error
  }
  return expect.fail("the configuration was taken")
}
const paths = (input: unknown): string[] => issuesOf(input).map((issue) => issue.path)

describe("parseConfig", () => {
  it("loads the seed's JSON unchanged", () => {
    const config = parseConfig(JSON.parse(SEED))
    expect(config).toMatchObject({
      data: ".stored",
      cache: { path: ".cache", maxSize: 1_000_000_000, evictionPolicy: "lru" },
      defaultBackends: ["local"],
      checksums: ["sha256"],
      keyPrefix: "blobs",
    })
    expect(config.backends.local).toEqual({ driver: "fs", root: "./data", watch: true })
    expect(config.backends["s3-prod"]).toEqual({ driver: "s3", bucket: "my-bucket", credentials: {} })
  })

  it("has defaults for everything", () => {
    for (const nothing of [{}, undefined, null]) {
      expect(parseConfig(nothing)).toEqual({
        data: ".stored",
        cache: { evictionPolicy: "lru", minFree: 64 * 2 ** 20 },
        backends: {},
        checksums: ["sha256"],
        keyPrefix: "blobs",
        minCopies: 1,
        waitMs: 30_000,
      })
    }
  })

  it("tells every mistake at once, each with its path", () => {
    const wrong = {
      data: "",
      cache: { maxSize: "lots", evictionPolicy: "fifo", colour: "red" },
      backends: { local: { root: "./data" }, other: { driver: "fs", concurrency: 0 } },
      checksums: ["xxh3", "xxh3", "sha999"],
      maxBlobSize: -1,
      minCopies: 0,
      waitMs: 0.5,
      surprise: true,
    }
    const found = paths(wrong)
    for (const path of [
      "data",
      "cache.maxSize",
      "cache.evictionPolicy",
      "cache",
      "backends.local.driver",
      "backends.other.concurrency",
      "checksums.2",
      "maxBlobSize",
      "minCopies",
      "waitMs",
      "",
    ])
      expect(found, path).toContain(path)
    expect(() => parseConfig(wrong)).toThrow(/mistakes: .*cache\.maxSize: expected a size such as "1GB"/)
  })

  it.each<[string, unknown, string]>([
    ["a default backend that is not configured", { defaultBackends: ["a"] }, "defaultBackends.0"],
    ["a backend's name with a colon", { backends: { "a:b": { driver: "fs" } } }, "backends.a:b"],
    [
      "a backend's name that is too long",
      { backends: { ["x".repeat(64)]: { driver: "fs" } } },
      `backends.${"x".repeat(64)}`,
    ],
    ["an id checksum that is not collision resistant", { checksums: ["xxh3"] }, "checksums"],
    ["a checksum named twice", { checksums: ["sha256", "sha256"] }, "checksums"],
    ["no checksum", { checksums: [] }, "checksums"],
    ["path and location that differ", { cache: { path: "a", location: "b" } }, "cache"],
    ["text", "cache", ""],
    ["a list", [], ""],
  ])("refuses %s", (_, input, path) => {
    expect(paths(input)).toContain(path)
  })

  it("tells what a driver finds in its settings together with the rest, and nothing twice", () => {
    const found: unknown[] = []
    const check = (name: string, backend: unknown): ConfigIssue[] => {
      found.push([name, backend])
      return [
        { path: `backends.${name}.root`, message: "missing" },
        { path: `backends.${name}.root`, message: "missing" },
      ]
    }
    expect(() => parseConfig({ data: 5, backends: { a: { driver: "fs" } } }, check)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^The configuration has 2 mistakes: data: .*; backends\.a\.root: missing\.$/),
      }),
    )
    expect(found).toEqual([["a", { driver: "fs" }]])
  })

  it("refuses names that reach prototypes", () => {
    expect(() => parseConfig(JSON.parse('{"__proto__": {"data": "x"}}'))).toThrow(StoredError)
    expect(() => parseConfig({ defaultBackends: ["toString"] })).toThrow(/no backend "toString"/)
  })

  it("tells of default backends and of other mistakes together", () => {
    expect(paths({ defaultBackends: ["a"], checksums: ["nonsense"] }).sort()).toEqual([
      "checksums.0",
      "defaultBackends.0",
    ])
  })
})

describe("parseByteSize", () => {
  it.each<[string | number, number | null]>([
    ["1GB", 1e9],
    ["1 gib", 2 ** 30],
    ["512MiB", 512 * 2 ** 20],
    ["1.5kb", 1500],
    ["10", 10],
    ["10B", 10],
    ["0", 0],
    [" 5 TB ", 5e12],
    [42, 42],
    ["2k", 2000],
    ["2M", 2_000_000],
    ["2Ki", 2048],
    [-1, null],
    [1.5, null],
    [Number.NaN, null],
    ["", null],
    ["GB", null],
    ["1 XB", null],
    ["1e9", null],
    ["-1GB", null],
    ["99999999999TB", null],
  ])("%j is %j bytes", (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes)
  })

  it("never gives anything but a safe number of bytes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.float(), fc.stringMatching(/^\d{1,20} ?[kmgtKMGT]?i?[bB]?$/)), (value) => {
        const bytes = parseByteSize(value)
        expect(bytes === null || (Number.isSafeInteger(bytes) && bytes >= 0)).toBe(true)
      }),
    )
  })
})
