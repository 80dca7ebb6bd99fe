/** What `cache.evict` was asked to drop, checked for callers whom no compiler checks. */
import { StoredError } from "../core/error.ts"
import type { EvictTarget } from "../staging/staging.ts"

const SHORTHANDS = ["oldest", "oversized", "all"] as const

/** A plain text is a pattern, except the words for the oldest, what is oversized, and all. @throws StoredError INVALID_INPUT */
export function evictTarget(what: EvictTarget | string): EvictTarget {
  const word = SHORTHANDS.find((name) => name === what)
  if (word) return word
  if (typeof what === "string") return { pattern: what }
  const isPattern = typeof what === "object" && what !== null && "pattern" in what && typeof what.pattern === "string"
  const isBytes = typeof what === "object" && what !== null && "bytes" in what && Number.isSafeInteger(what.bytes)
  if (isPattern || isBytes) return what
  throw new StoredError(
    "INVALID_INPUT",
    'Say what to evict: a pattern such as "sha256:ab*", "oldest", "oversized", or { bytes }.',
  )
}
