/**
 * Errors as RFC 9457 problem JSON, and the one table from error code to HTTP status.
 *
 * Faults of StoreD carry `type: "urn:stored:error:<CODE>"` and `code`; faults of HTTP itself (unknown path, wrong method,
 * bad framing) are `about:blank` without a code, so that a client never takes a wrong path for an absent object.
 * A 5xx that is our own fault shows a request id to look up in the log, and nothing of the inside.
 */
import { STATUS_CODES } from "node:http"
import type { ErrorCode, StoredError } from "../core/error.ts"

export const PROBLEM_TYPE = "application/problem+json"

const STATUS: Record<ErrorCode, number> = {
  NOT_FOUND: 404,
  CONFLICT: 409, // 412 where the request had a condition, see `statusOf`
  KEY_REUSED: 422,
  INVALID_KEY: 400,
  INVALID_INPUT: 400,
  INVALID_METADATA: 400,
  INVALID_CONFIG: 400,
  INVALID_RANGE: 416,
  TOO_LARGE: 413,
  SOURCE_FAILED: 400,
  SIZE_MISMATCH: 400,
  CHECKSUM_MISMATCH: 400,
  UNKNOWN_BACKEND: 400,
  NO_BACKEND: 400,
  BACKEND_EXISTS: 409,
  LAST_COPY: 409,
  QUOTA_EXCEEDED: 507,
  DISK_FULL: 507,
  READ_ONLY: 503,
  PERMISSION_DENIED: 503,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TOO_MANY_REQUESTS: 429,
  BACKEND_REFUSED: 422,
  BACKEND_FULL: 507,
  BACKEND_UNAVAILABLE: 503,
  SECRET_UNAVAILABLE: 503,
  WORKER_LOST: 503,
  COPY_UNAVAILABLE: 503,
  CORRUPT: 500,
  TIMEOUT: 504,
  ABORTED: 499,
  CLOSED: 503,
  DATA_DIRECTORY_IN_USE: 503,
  DATA_DIRECTORY_NEWER: 503,
  DATA_DIRECTORY_UNUSABLE: 503,
  CATALOG_CORRUPT: 500,
  COMMIT_UNKNOWN: 500,
  INTERNAL: 500,
}

/** Codes whose sentence may carry the words of a foreign error: those stay in the log. */
const HIDDEN: ReadonlySet<ErrorCode> = new Set(["INTERNAL", "CATALOG_CORRUPT", "COMMIT_UNKNOWN"])

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  /** absent for faults of HTTP itself */
  code?: ErrorCode
  retryable?: boolean
  requestId?: string
  /** every mistake, where there can be several */
  issues?: unknown
  details?: Readonly<Record<string, unknown>>
}

/** The HTTP status of an error; `conditional` where the request had a precondition that a CONFLICT then failed. */
export function statusOf(code: ErrorCode, conditional: boolean): number {
  return code === "CONFLICT" && conditional ? 412 : STATUS[code]
}

/** A StoreD error for the wire. `requestId` is what a person can ask the log for. */
export function storedProblem(error: StoredError, options: { conditional: boolean; requestId: string }): Problem {
  const status = statusOf(error.code, options.conditional)
  const hidden = HIDDEN.has(error.code)
  const { issues, ...details } = hidden ? {} : error.details
  return {
    type: `urn:stored:error:${error.code}`,
    title: titleOf(error.code),
    status,
    detail: hidden
      ? `The server could not finish this; its log says why under request id ${options.requestId}.`
      : error.message,
    code: error.code,
    retryable: error.retryable,
    requestId: options.requestId,
    ...(issues === undefined ? {} : { issues }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  }
}

/** A fault of HTTP itself: unknown path, wrong method, bad framing. */
export function httpProblem(status: number, detail: string): Problem {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail }
}

function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll("_", " ")
  return words.charAt(0).toUpperCase() + words.slice(1)
}
