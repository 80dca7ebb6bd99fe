/** What staging makes of the system's errors: a code that says whose business it is, a sentence, the system's error as cause. */
import { type ErrorCode, StoredError } from "../core/error.ts"

/** The system's name of an error (`ENOENT`), or an empty text where it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : ""
}

interface Meaning {
  code: ErrorCode
  reason: string
  retryable?: boolean
}

const FULL: Meaning = {
  code: "DISK_FULL",
  reason: "its disk is full; free space or inodes there, or move staging to a larger disk",
  // Space comes back by itself: proven content is evicted and retired log segments go.
  retryable: true,
}
const DENIED: Meaning = { code: "PERMISSION_DENIED", reason: "permission is denied; check who owns its directory" }
const NO_DESCRIPTORS: Meaning = {
  code: "INTERNAL",
  reason: "too many files are open; raise the limit (ulimit -n)",
  retryable: true,
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: { code: "READ_ONLY", reason: "its disk is read-only; mount it writable" },
  EACCES: DENIED,
  EPERM: DENIED,
  EMFILE: NO_DESCRIPTORS,
  ENFILE: NO_DESCRIPTORS,
}

/** @param doing what failed, as in "Staging cannot <doing>" */
export function storageError(error: unknown, doing: string): StoredError {
  if (error instanceof StoredError) return error
  const message = error instanceof Error ? error.message : String(error)
  const meaning = MEANINGS[systemCode(error)] ?? { code: "INTERNAL", reason: message }
  return new StoredError(meaning.code, `Staging cannot ${doing}: ${meaning.reason}.`, {
    retryable: meaning.retryable ?? false,
    cause: error,
  })
}
