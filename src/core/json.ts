/** JSON values, and the check that custom metadata must pass. */
import { StoredError } from "./error.ts"

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }
export type JsonObject = { [name: string]: JsonValue }

export const MAX_METADATA_BYTES = 64 * 1024
const MAX_DEPTH = 32
/** Names that reach prototypes when somebody later merges objects carelessly. */
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"])

/**
 * Checks custom metadata: a JSON object of at most 64 KiB without `__proto__`, `constructor` or `prototype` as a name
 * anywhere. Returns a deep copy that the caller cannot change any more.
 * @throws StoredError INVALID_METADATA
 */
export function parseMetadata(value: unknown): JsonObject {
  if (value === undefined) return {}
  if (!isPlainObject(value)) throw invalid('it must be a JSON object such as { album: "2026" }')
  const copy = copyJson(value, "metadata", 0, new Set()) as JsonObject
  const bytes = Buffer.byteLength(JSON.stringify(copy))
  if (bytes > MAX_METADATA_BYTES)
    throw invalid(`it has ${bytes} bytes as JSON; at most ${MAX_METADATA_BYTES} are allowed`)
  return copy
}

function copyJson(value: unknown, path: string, depth: number, ancestors: Set<object>): JsonValue {
  if (value === null || typeof value === "boolean") return value
  if (typeof value === "string") {
    requireUnicode(value, path)
    return value
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalid(`${path} is ${value}, which JSON cannot hold`)
    return value
  }
  if (value === undefined) throw invalid(`${path} is undefined, which JSON cannot hold; leave it out`)
  if (typeof value !== "object") throw invalid(`${path} is a ${typeof value}, which JSON cannot hold`)
  if (depth >= MAX_DEPTH) throw invalid(`${path} is nested deeper than ${MAX_DEPTH} levels`)
  if (ancestors.has(value)) throw invalid(`${path} refers to itself`)
  ancestors.add(value)
  const copy = Array.isArray(value)
    ? // Array.from sees holes too, which `map` passes over.
      Array.from(value, (item: unknown, index) => copyJson(item, `${path}[${index}]`, depth + 1, ancestors))
    : copyObject(value, path, depth, ancestors)
  ancestors.delete(value)
  return copy
}

function copyObject(value: object, path: string, depth: number, ancestors: Set<object>): JsonObject {
  if (!isPlainObject(value)) throw invalid(`${path} is not a plain object`)
  const copy: JsonObject = {}
  for (const [name, item] of Object.entries(value)) {
    requireUnicode(name, `a name in ${path}`)
    if (FORBIDDEN.has(name)) throw invalid(`the name "${name}" is not allowed`)
    copy[name] = copyJson(item, `${path}.${name}`, depth + 1, ancestors)
  }
  return copy
}

/** A lone surrogate has no UTF-8: it would come back as another text. */
function requireUnicode(text: string, where: string): void {
  if (!text.isWellFormed()) throw invalid(`${where} is not valid Unicode`)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function invalid(reason: string): StoredError {
  return new StoredError("INVALID_METADATA", `Invalid metadata: ${reason}.`)
}
