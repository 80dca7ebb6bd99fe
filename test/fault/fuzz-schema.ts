/** Values of a JSON schema, and what is almost one: for requests that get past the first check. */
import fc from "fast-check"

export interface JsonSchema {
  type?: string | string[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
}

/** Names that were trouble for others: ways out, prototypes, controls, bytes that are no text, checksums. */
export const NAMES = [
  "a",
  "in/b",
  "in/c/d",
  "m",
  "x".repeat(1024),
  "x".repeat(1025),
  "..",
  "../../etc/passwd",
  "in/../../out",
  "/etc/passwd",
  "C:\\windows",
  "\\\\host\\share",
  "a\u0000b",
  "a\nb",
  "a\r\nX-Evil: 1",
  "\u001b[2J",
  "__proto__",
  "constructor",
  "prototype/polluted",
  "toString",
  "%2e%2e%2f",
  "%",
  "😀",
  "\ud800",
  `sha256:${"a".repeat(64)}`,
  `SHA256:${"A".repeat(64)}`,
  "sha256:",
  "etag:a:b",
  "con",
  "aux.txt",
  "a//b",
  "a/",
  ".",
  "+(ab|abab)",
  "*".repeat(34),
  "**/",
  "null",
  "-1",
  "1e999",
]

const hostile = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  "",
  [],
  {},
  [[]],
  { __proto__: null, polluted: 1 },
  JSON.parse('{"__proto__":{"polluted":1}}'),
  JSON.parse('{"constructor":{"prototype":{"polluted":1}}}'),
  "x".repeat(5000),
  Array(200).fill("a"),
)

/** Mostly of the schema. */
export function valuesOf(schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: ofSchema(schema, depth) }, { weight: 1, arbitrary: hostile })
}

function ofSchema(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  if (depth > 5) return hostile
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return fc.oneof(...choices.map((one) => valuesOf(one, depth + 1)))
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === "object") return objectsOf(schema, depth)
  if (type === "array") return fc.array(valuesOf(schema.items ?? {}, depth + 1), { maxLength: 4 })
  if (type === "integer" || type === "number") return fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer())
  if (type === "boolean") return fc.boolean()
  if (type === "null") return fc.constant(null)
  return fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: "grapheme", maxLength: 20 }))
}

function objectsOf({ properties = {}, required = [] }: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  const known = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, valuesOf(one, depth + 1)]))
  const surplus = fc.option(
    fc.tuple(fc.constantFrom("__proto__", "constructor", "locations", "encryption", "x"), hostile),
    { freq: 30 },
  )
  return fc
    .tuple(fc.record(known, { requiredKeys: required.filter((name) => name in known) }), surplus)
    .map(([record, more]) => {
      if (!more) return record
      return Object.defineProperty({ ...record }, more[0], { value: more[1], enumerable: true })
    })
}
