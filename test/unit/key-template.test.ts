/** Templates of keys that are made from checksums: what they make, and every mistake in them. */
import { describe, expect, it } from "vitest"
import { parseBackendConfig } from "../../src/backends/registry.ts"
import { type ConfigIssue, parseConfig } from "../../src/core/config.ts"
import type { StoredError } from "../../src/core/error.ts"
import { DEFAULT_KEY_TEMPLATE, renderKey, templateFaults } from "../../src/core/key-template.ts"

const hash = "0123456789abcdef".repeat(4)

describe("renderKey", () => {
  it.each([
    [DEFAULT_KEY_TEMPLATE, `blobs/sha256/01/23/${hash}`],
    ["{hash}", hash],
    ["{h2}{h2}{h2}/{algo}-{hash}", `012345/sha256-${hash}`],
    ["{prefix}/{hash}/{hash}", `blobs/${hash}/${hash}`],
  ])("makes of %s the key %s", (template, key) => {
    expect(templateFaults(template)).toEqual([])
    expect(renderKey(template, "blobs", `sha256:${hash}`)).toBe(key)
  })

  it("takes a prefix as it is", () => {
    expect(renderKey("{prefix}/{hash}", "{hash}$&", `sha256:${hash}`)).toBe(`{hash}$&/${hash}`)
  })
})

describe("templateFaults", () => {
  it.each([
    ["{prefix}/{algo}", /\{hash\} is missing/],
    ["{hash}/{size}", /no placeholder \{size\}/],
    ["{hash}/{", /no partner/],
    ["/{hash}", /starts with a slash/],
    ["{hash}//x", /empty segment/],
    ["../{hash}", /cannot climb/],
    ["{algo}:{hash}", /looks like a checksum/],
    [`${"{h2}".repeat(33)}{hash}`, /more than 32 times/],
    [`${"x".repeat(1_000)}{hash}`, /bytes/],
    ["", /\{hash\} is missing/],
  ])("%s is told", (template, fault) => {
    expect(templateFaults(template).join("; ")).toMatch(fault)
  })
})

it("the configuration tells all mistakes in all templates and in the prefix at once, each once", () => {
  const config = {
    keyPrefix: "/blobs",
    backends: {
      a: { driver: "memory", keyTemplate: "{x}/{y}" },
      b: { driver: "fs", root: "./b", keyTemplate: 5 },
    },
  }
  let issues: ConfigIssue[] = []
  try {
    parseConfig(config, parseBackendConfig)
  } catch (error) {
    issues = (error as StoredError).details.issues as ConfigIssue[]
  }
  expect(issues.map(({ path }) => path).toSorted()).toEqual([
    "backends.a.keyTemplate",
    "backends.a.keyTemplate",
    "backends.a.keyTemplate",
    "backends.b.keyTemplate",
    "keyPrefix",
  ])
  expect(issues.map(({ message }) => message).join("\n")).toMatch(/\{x\}.*\n.*\{y\}.*\n.*\{hash\} is missing/)
})
