/**
 * Keys: the names of objects. Parsed once at the front door; every inner part trusts a `Key`.
 *
 * A key is well-formed UTF-8 of 1 to 1,024 bytes, `/`-separated, without empty, `.` or `..` segments, without NUL or
 * control characters, and does not look like a checksum reference (`sha256:…`), which would make `get(idOrKey)` ambiguous.
 */
import { parseChecksumReference } from "./blob-id.ts"
import { StoredError } from "./error.ts"

export type Key = string & { readonly __key: true }

export const MAX_KEY_BYTES = 1024

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/

/** Checks a key. @throws StoredError INVALID_KEY with a sentence that names the fault */
export function parseKey(text: unknown): Key {
  const fault = keyFault(text)
  if (fault) throw new StoredError("INVALID_KEY", `Invalid key: ${fault}.`)
  return text as Key
}

/** What is wrong with a key, or null. */
export function keyFault(text: unknown): string | null {
  if (typeof text !== "string") return "a key is a string"
  if (text === "") return "it is empty; give at least one character"
  if (!text.isWellFormed()) return "it is not valid Unicode (a lone surrogate)"
  const bytes = text.length > MAX_KEY_BYTES / 3 ? Buffer.byteLength(text) : text.length
  if (bytes > MAX_KEY_BYTES) return `it has ${bytes} bytes; at most ${MAX_KEY_BYTES} are allowed`
  if (CONTROL.test(text)) return "it has a control character; remove it"
  if (text.startsWith("/")) return "it starts with a slash; keys are relative"
  if (text.endsWith("/") || text.includes("//")) return "it has an empty segment; remove the extra slash"
  if (DOT_SEGMENT.test(text)) return 'it has a "." or ".." segment; keys cannot climb'
  if (parseChecksumReference(text)) return "it looks like a checksum, so it could not be told from a blob id"
  return null
}

/** Prefixes may be empty, end in a slash, and stop inside a segment; otherwise the rules of keys hold. @throws StoredError INVALID_KEY */
export function parsePrefix(text: unknown): string {
  if (text === undefined || text === "") return ""
  if (typeof text !== "string") throw new StoredError("INVALID_KEY", "Invalid prefix: a prefix is a string.")
  if (!text.isWellFormed() || CONTROL.test(text) || Buffer.byteLength(text) > MAX_KEY_BYTES) {
    throw new StoredError(
      "INVALID_KEY",
      "Invalid prefix: it has a control character, is not valid Unicode, or is too long.",
    )
  }
  return text
}

const BACKEND_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i

export function isBackendName(name: unknown): name is string {
  return typeof name === "string" && BACKEND_NAME.test(name)
}

/** Backend names become queue names and parts of catalog keys. @throws StoredError INVALID_INPUT */
export function parseBackendName(name: unknown): string {
  if (isBackendName(name)) return name
  throw new StoredError(
    "INVALID_INPUT",
    `Invalid backend name ${JSON.stringify(name)}: use 1 to 63 letters, digits, ".", "_" or "-", starting with a letter or digit.`,
  )
}
