/**
 * Errors as RFC 9457 problem JSON. The table from error code to HTTP status is `core/error-status.ts`.
 *
 * Faults of StoreD carry `type: "urn:stored:error:<CODE>"` and `code`; faults of HTTP itself (unknown path, wrong method,
 * bad framing) are `about:blank` without a code, so that a client never takes a wrong path for an absent object.
 * A 5xx that is our own fault shows a request id to look up in the log, and nothing of the inside.
 */
import { STATUS_CODES } from "node:http"
import type { ErrorCode, StoredError } from "../core/error.ts"
import { STATUS } from "../core/error-status.ts"

export const PROBLEM_TYPE = "application/problem+json"

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
