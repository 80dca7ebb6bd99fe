/**
 * The operating system's errors in our words. Here it is decided what a later try can mend: a busy disk or a missing mount can, a full,
 * read-only or forbidden one needs a person.
 */
import { type ErrorCode, PermanentAdapterError, StoredError, TransientAdapterError } from "../../core/error.ts"
import { errorCode } from "./calls.ts"

const FULL = "the disk is full; make room on it"
const SHAPE = "the file system cannot hold this key beside what is there"

const PERMANENT: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOSPC: ["BACKEND_FULL", FULL],
  EDQUOT: ["BACKEND_FULL", "the disk quota is used up; make room or raise it"],
  EROFS: ["READ_ONLY", "the file system is mounted read-only; mount it for writing"],
  EACCES: ["PERMISSION_DENIED", "permission is denied; give this user access"],
  EPERM: ["PERMISSION_DENIED", "permission is denied; give this user access"],
  ENOTDIR: ["BACKEND_REFUSED", `${SHAPE}: a file is where it needs a directory`],
  EISDIR: ["BACKEND_REFUSED", `${SHAPE}: a directory has its name`],
  ENOTEMPTY: ["BACKEND_REFUSED", `${SHAPE}: a directory has its name`],
  EEXIST: ["BACKEND_REFUSED", SHAPE],
  ENAMETOOLONG: ["BACKEND_REFUSED", "a name in it is too long for the file system"],
  ELOOP: ["BACKEND_REFUSED", "a symbolic link is in the way; links are not followed"],
  EFBIG: ["BACKEND_REFUSED", "the file is larger than the file system or the limit of this process allows"],
  EINVAL: ["BACKEND_REFUSED", "the file system does not take this name or file"],
  EILSEQ: ["BACKEND_REFUSED", "the file system does not take this name"],
  EXDEV: ["BACKEND_REFUSED", "it lies on another file system than the root; give that one a backend of its own"],
  EMLINK: ["BACKEND_REFUSED", "its directory cannot hold more entries"],
}

/**
 * The error as a `StoredError`; one that is one already stays.
 * @param what what was tried, for the sentence: `write "a/b"`
 */
export function fsError(error: unknown, what: string): StoredError {
  if (error instanceof StoredError) return error
  const code = errorCode(error)
  const details = code ? { system: code } : {}
  const known = PERMANENT[code]
  if (known)
    return new PermanentAdapterError(known[0], `Cannot ${what}: ${known[1]} (${code}).`, { cause: error, details })
  const message = error instanceof Error ? error.message : String(error)
  return new TransientAdapterError(`Cannot ${what} now: ${message}.`, { cause: error, details })
}

/** A key that leads over a symbolic link, or to something that is no regular file: never followed, never replaced. */
export function refused(what: string, reason: string): StoredError {
  return new PermanentAdapterError("BACKEND_REFUSED", `Cannot ${what}: ${reason}.`)
}
