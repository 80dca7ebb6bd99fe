/** Exit codes of the command line, the one table. */
import { type ErrorCode, toStoredError } from "../core/error.ts"

/** What each code says, as `stored --help` shows it. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done"],
  [1, "another fault"],
  [2, "bad usage or bad input"],
  [3, "there is no such object"],
  [4, "a condition did not hold"],
  [5, "a backend or the server failed"],
  [6, "full: disk, quota or size limit"],
  [7, "the data directory cannot be used now"],
  [8, "corrupt data; doctor found faults, drift a difference"],
  [9, "no token, or one that does not reach so far"],
  [10, "validate found copies that are missing or bad"],
  [130, "interrupted"],
]

const BY_CODE: Record<ErrorCode, number> = {
  NOT_FOUND: 3,
  CONFLICT: 4,
  KEY_REUSED: 4,
  INVALID_KEY: 2,
  INVALID_INPUT: 2,
  INVALID_METADATA: 2,
  INVALID_CONFIG: 2,
  INVALID_RANGE: 2,
  TOO_LARGE: 6,
  SOURCE_FAILED: 2,
  SIZE_MISMATCH: 2,
  CHECKSUM_MISMATCH: 2,
  UNKNOWN_BACKEND: 2,
  NO_BACKEND: 2,
  BACKEND_EXISTS: 4,
  LAST_COPY: 4,
  QUOTA_EXCEEDED: 6,
  DISK_FULL: 6,
  READ_ONLY: 7,
  PERMISSION_DENIED: 5,
  UNAUTHENTICATED: 9,
  FORBIDDEN: 9,
  TOO_MANY_REQUESTS: 5,
  BACKEND_REFUSED: 5,
  BACKEND_FULL: 6,
  BACKEND_UNAVAILABLE: 5,
  SECRET_UNAVAILABLE: 5,
  WORKER_LOST: 5,
  COPY_UNAVAILABLE: 5,
  CORRUPT: 8,
  TIMEOUT: 5,
  ABORTED: 130,
  CLOSED: 5,
  DATA_DIRECTORY_IN_USE: 7,
  DATA_DIRECTORY_NEWER: 7,
  DATA_DIRECTORY_UNUSABLE: 7,
  CATALOG_CORRUPT: 8,
  COMMIT_UNKNOWN: 1,
  INTERNAL: 1,
}

/** The exit code of an error. */
export function exitCode(error: unknown): number {
  return BY_CODE[toStoredError(error).code]
}
