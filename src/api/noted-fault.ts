/** The code of the error that a request was answered with, for whoever counts or logs requests: found by the request itself. */
import type { IncomingMessage } from "node:http"
import type { ErrorCode } from "../core/error.ts"

const CODES = new WeakMap<IncomingMessage, ErrorCode>()

export function noteFault(request: IncomingMessage, code: ErrorCode): void {
  CODES.set(request, code)
}

/** Null where there was none, or one of HTTP itself, which has no code. */
export function notedFault(request: IncomingMessage): ErrorCode | null {
  return CODES.get(request) ?? null
}
