/** What LMDB and the file system say, in the words of StoreD. */
import { type ErrorCode, isStoredError, StoredError } from "../../core/error.ts"
import { diskFull } from "../commit-queue.ts"

/** Numbers as LMDB passes them on, names as Node does. */
const NO_SPACE = new Set<unknown>([28, 122, "ENOSPC", "EDQUOT"])
const MAP_FULL = -30792
const EIO = 5
const NOT_ALLOWED = new Set<unknown>([1, 13, "EPERM", "EACCES"])
const READ_ONLY = new Set<unknown>([30, "EROFS"])
const NOT_DIRECTORY = new Set<unknown>([20, "ENOTDIR", "EEXIST"])
const DAMAGED = new Set<unknown>([-30793, -30794, -30796, -30797])

export function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined
}

export function isNoSpace(error: unknown): boolean {
  const code = codeOf(error)
  return NO_SPACE.has(code) || code === MAP_FULL
}

/** A write that was cut short by a full disk is reported by LMDB as an I/O error. */
export function isInputOutput(error: unknown): boolean {
  return codeOf(error) === EIO
}

/** The error behind a failed commit: lmdb gives it by a promise of its own, which must not stay unhandled. */
export async function causeOfCommit(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}

/** A directory that cannot be opened. */
export function unusable(directory: string, error: unknown): StoredError {
  if (isStoredError(error)) return error
  if (isNoSpace(error)) return diskFull(error)
  const code = codeOf(error)
  const [kind, advice] = adviceFor(code, directory)
  return new StoredError(kind, advice, { cause: error, details: { directory, code: String(code) } })
}

function adviceFor(code: unknown, directory: string): [ErrorCode, string] {
  if (READ_ONLY.has(code)) {
    return [
      "DATA_DIRECTORY_UNUSABLE",
      `${directory} is on a read-only file system; choose another data directory or remount it.`,
    ]
  }
  if (NOT_ALLOWED.has(code)) {
    return [
      "DATA_DIRECTORY_UNUSABLE",
      `This user may not write to ${directory}; change its owner or permissions, or choose another one.`,
    ]
  }
  if (NOT_DIRECTORY.has(code)) {
    return [
      "DATA_DIRECTORY_UNUSABLE",
      `${directory} is not a directory; move the file that stands in its way, or choose another data directory.`,
    ]
  }
  if (DAMAGED.has(code)) {
    return ["CATALOG_CORRUPT", `The catalog in ${directory} is damaged; put a backup in its place.`]
  }
  return ["DATA_DIRECTORY_UNUSABLE", `${directory} cannot be opened as a data directory; see the cause.`]
}
