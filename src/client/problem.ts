/** Errors of the server, made again from problem JSON, and what stands for them where something else answers or nothing does. */
import { ERROR_CODES, type ErrorCode, isStoredError, StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"

/** Answers without a code: of HTTP itself, or of something between us and the server. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: "PERMISSION_DENIED",
  403: "PERMISSION_DENIED",
  408: "TIMEOUT",
  413: "TOO_LARGE",
  415: "INVALID_INPUT",
  431: "TOO_LARGE",
  504: "TIMEOUT",
}
const PASSING: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

/** The error that an answer with this status is. */
export function problemError(status: number, text: string): StoredError {
  const parsed = parseProblem(text)
  const { code, detail, retryable, requestId } = parsed
  const details = {
    ...(parsed.details as object | undefined),
    ...(parsed.issues !== undefined && { issues: parsed.issues }),
    ...(requestId !== undefined && { requestId }),
  }
  return new StoredError(
    isErrorCode(code) ? code : (BY_STATUS[status] ?? "INTERNAL"),
    typeof detail === "string" ? detail : `The server answered ${status}.`,
    { retryable: typeof retryable === "boolean" ? retryable : PASSING.has(status), details },
  )
}

/** The error where a connection could not be made or broke. @param origin of the server, without credentials */
export function unreachable(origin: string, cause: unknown): StoredError {
  if (isStoredError(cause)) return cause
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
  return new StoredError(
    "BACKEND_UNAVAILABLE",
    `The server at ${origin} does not answer (${reason}); see that it runs and that the address is right.`,
    { retryable: true, cause },
  )
}

export function late(origin: string, time: number): StoredError {
  return new StoredError("TIMEOUT", `The server at ${origin} did not answer within ${time} ms.`, {
    retryable: true,
    details: { timeout: time },
  })
}

function parseProblem(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as JsonObject) : {}
  } catch {
    // Not from StoreD but from something in between; the status is all there is to tell.
    return {}
  }
}

function isErrorCode(code: unknown): code is ErrorCode {
  return ERROR_CODES.some((known) => known === code)
}
