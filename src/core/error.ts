/**
 * The one error class of StoreD and its closed list of codes.
 *
 * Whoever understands a foreign error (a driver, staging, the catalog) turns it into a `StoredError`, decides there
 * whether a retry can help, and keeps the foreign error as `cause`. The message is one sentence for a person that says
 * what to do. Transport words live in one table each: HTTP status in `error-status.ts`, exit codes at their edge.
 */
import { STATUS } from "./error-status.ts"

/** Every code a `StoredError` can have; callers may rely on them, they are part of the public face. */
export const ERROR_CODES = [
  "NOT_FOUND", // no such object, blob, backend entry
  "CONFLICT", // ifVersion / ifAbsent did not hold
  "KEY_REUSED", // an idempotency key that came with another request before
  "INVALID_KEY",
  "INVALID_INPUT", // an argument or a source that cannot be used
  "INVALID_METADATA",
  "INVALID_CONFIG",
  "INVALID_RANGE",
  "TOO_LARGE", // over a limit that was set
  "SOURCE_FAILED", // the stream that was put broke
  "SIZE_MISMATCH", // the source was shorter or longer than declared
  "CHECKSUM_MISMATCH", // the source does not have the declared checksum
  "UNKNOWN_BACKEND",
  "NO_BACKEND",
  "BACKEND_EXISTS",
  "LAST_COPY", // refused: this would drop the only copy
  "QUOTA_EXCEEDED", // staging is full of bytes that no backend has yet, or the namespace of a token is full
  "DISK_FULL",
  "READ_ONLY",
  "PERMISSION_DENIED",
  "UNAUTHENTICATED", // no token, or none that is good here
  "FORBIDDEN", // the token does not reach so far
  "TOO_MANY_REQUESTS", // over the rate of the token, or too many wrong tokens; details.retryAfter in s
  "BACKEND_REFUSED", // the backend cannot hold this (key shape, size, type): permanent
  "BACKEND_FULL",
  "BACKEND_UNAVAILABLE", // the backend did not answer or answered with a passing fault
  "SECRET_UNAVAILABLE", // a secret cannot be had: its master key, variable or file is not there; details.backend, details.field
  "WORKER_LOST", // the workers that did it ended one after the other without a word
  "COPY_UNAVAILABLE", // the asked copy cannot be read; details name the others
  "CORRUPT", // bytes do not hash to their id
  "TIMEOUT",
  "ABORTED",
  "CLOSED",
  "DATA_DIRECTORY_IN_USE",
  "DATA_DIRECTORY_NEWER",
  "DATA_DIRECTORY_UNUSABLE",
  "CATALOG_CORRUPT", // a record does not have its checksum
  "COMMIT_UNKNOWN", // a commit failed in a way that leaves its outcome unknown: stop and recover
  "INTERNAL",
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface StoredErrorOptions {
  /** Whether the same call can succeed later without anybody changing anything. Default false. */
  retryable?: boolean
  /** The foreign error, always kept. */
  cause?: unknown
  /** Plain JSON facts for programs: names, limits, counts. Never secrets. */
  details?: Readonly<Record<string, unknown>>
}

/**
 * The error of StoreD. It is always of the class of its code, whoever made it and on whichever side of a wire: `error instanceof NotFoundError` and
 * `error.code === "NOT_FOUND"` say the same.
 */
export class StoredError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: StoredErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
    // One place decides, so that no throw of a bare StoredError and no error that came by HTTP can be of another class.
    if (new.target === StoredError) Object.setPrototypeOf(this, classOf(this).prototype)
    this.name = this.constructor.name
  }

  /** The HTTP status that says the same. A CONFLICT of a request with a condition is answered with 412. */
  get statusCode(): number {
    return STATUS[this.code]
  }

  /** What may cross a process boundary: no stack, no cause. */
  toJSON(): SerializedError {
    return { code: this.code, message: this.message, retryable: this.retryable, details: this.details }
  }
}

export interface SerializedError {
  code: ErrorCode
  message: string
  retryable: boolean
  details?: Readonly<Record<string, unknown>>
}

/** An object, blob or entry that is not there. Code `NOT_FOUND`. */
export class NotFoundError extends StoredError {
  constructor(message: string, options?: StoredErrorOptions) {
    super("NOT_FOUND", message, options)
  }
}

/** A condition (`ifVersion`, `ifAbsent`) that did not hold. Code `CONFLICT`. */
export class ConflictError extends StoredError {
  constructor(message: string, options?: StoredErrorOptions) {
    super("CONFLICT", message, options)
  }
}

/** Nobody knows who asks, or they may not do this. Codes `UNAUTHENTICATED`, `FORBIDDEN`. */
export class UnauthorizedError extends StoredError {
  constructor(code: "UNAUTHENTICATED" | "FORBIDDEN", message: string, options?: StoredErrorOptions) {
    super(code, message, options)
  }
}

/** What is sealed cannot be opened, or a secret cannot be had. Code `SECRET_UNAVAILABLE`; `details` has `backend field`. */
export class EncryptionError extends StoredError {
  constructor(message: string, options?: StoredErrorOptions) {
    super("SECRET_UNAVAILABLE", message, options)
  }
}

/** Staging is full of bytes that no backend has yet. Code `QUOTA_EXCEEDED`; `details` has `limit used pinned` in bytes. */
export class QuotaExceededError extends StoredError {
  constructor(message: string, options?: StoredErrorOptions) {
    super("QUOTA_EXCEEDED", message, { retryable: true, ...options })
  }
}

/** Bytes that do not hash to what they should. Codes `CORRUPT`, `CHECKSUM_MISMATCH`. */
export class ConsistencyError extends StoredError {
  constructor(code: "CORRUPT" | "CHECKSUM_MISMATCH", message: string, options?: StoredErrorOptions) {
    super(code, message, options)
  }
}

/** A backend fault that may pass by itself. Code `BACKEND_UNAVAILABLE` or `TIMEOUT`, always retryable. */
export class TransientAdapterError extends StoredError {
  constructor(message: string, options?: StoredErrorOptions & { code?: "BACKEND_UNAVAILABLE" | "TIMEOUT" }) {
    super(options?.code ?? "BACKEND_UNAVAILABLE", message, { ...options, retryable: true })
  }
}

/** A backend fault that stays until somebody acts. Never retryable at once; the location is parked. Codes `BACKEND_REFUSED`, `BACKEND_FULL`, and what a driver says. */
export class PermanentAdapterError extends StoredError {
  constructor(code: ErrorCode, message: string, options?: StoredErrorOptions) {
    super(code, message, { ...options, retryable: false })
  }
}

type ErrorClass = { prototype: StoredError }

function classOf({ code, retryable }: StoredError): ErrorClass {
  switch (code) {
    case "NOT_FOUND":
      return NotFoundError
    case "CONFLICT":
      return ConflictError
    case "QUOTA_EXCEEDED":
      return QuotaExceededError
    case "UNAUTHENTICATED":
    case "FORBIDDEN":
      return UnauthorizedError
    case "SECRET_UNAVAILABLE":
      return EncryptionError
    case "CORRUPT":
    case "CHECKSUM_MISMATCH":
      return ConsistencyError
    case "BACKEND_UNAVAILABLE":
    case "TIMEOUT":
      return retryable ? TransientAdapterError : StoredError
    case "BACKEND_REFUSED":
    case "BACKEND_FULL":
      return retryable ? StoredError : PermanentAdapterError
    default:
      return StoredError
  }
}

export function isStoredError(error: unknown): error is StoredError {
  return error instanceof StoredError
}

/** The error as a `StoredError`: itself, `ABORTED` for an abort, otherwise `INTERNAL` with the foreign one as cause. */
export function toStoredError(error: unknown): StoredError {
  if (isStoredError(error)) return error
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) {
    return isStoredError(error.cause)
      ? error.cause
      : new StoredError("ABORTED", "The operation was aborted.", { cause: error })
  }
  const message = error instanceof Error ? error.message : String(error)
  return new StoredError("INTERNAL", `Unexpected fault: ${message}`, { cause: error })
}

/** Throws the typed `ABORTED` error if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal)
}

/** What to throw for a signal that has fired: its reason where that is ours, else ABORTED with the reason as cause. */
export function abortError(signal: AbortSignal | undefined): StoredError {
  const reason: unknown = signal?.reason
  return isStoredError(reason) ? reason : new StoredError("ABORTED", "The operation was aborted.", { cause: reason })
}
