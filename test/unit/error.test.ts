/** Errors: their codes, what crosses a process boundary, how foreign ones are taken in. */
import { describe, expect, it } from "vitest"
import {
  ConflictError,
  ConsistencyError,
  EncryptionError,
  ERROR_CODES,
  NotFoundError,
  PermanentAdapterError,
  QuotaExceededError,
  StoredError,
  TransientAdapterError,
  throwIfAborted,
  toStoredError,
  UnauthorizedError,
} from "../../src/core/error.ts"

describe("StoredError", () => {
  it("keeps code, sentence, cause and details", () => {
    const cause = new Error("foreign")
    const error = new StoredError("DISK_FULL", "Make room.", { cause, details: { free: 0 } })
    expect(error).toMatchObject({
      name: "StoredError",
      code: "DISK_FULL",
      message: "Make room.",
      retryable: false,
      cause,
    })
    expect(error.details).toEqual({ free: 0 })
    expect("cause" in new StoredError("INTERNAL", "x")).toBe(false)
  })

  it("tells other processes no stack and no cause", () => {
    const error = new StoredError("TIMEOUT", "Late.", { cause: new Error("secret"), retryable: true })
    const json = JSON.stringify(error)
    expect(JSON.parse(json)).toEqual({ code: "TIMEOUT", message: "Late.", retryable: true, details: {} })
    expect(json).not.toContain("secret")
  })

  it("has every code once", () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length)
  })

  it.each([
    [new NotFoundError("x"), "NotFoundError", "NOT_FOUND", false],
    [new ConflictError("x"), "ConflictError", "CONFLICT", false],
    [new QuotaExceededError("x"), "QuotaExceededError", "QUOTA_EXCEEDED", true],
    [new ConsistencyError("CORRUPT", "x"), "ConsistencyError", "CORRUPT", false],
    [new TransientAdapterError("x"), "TransientAdapterError", "BACKEND_UNAVAILABLE", true],
    [new TransientAdapterError("x", { code: "TIMEOUT", retryable: false }), "TransientAdapterError", "TIMEOUT", true],
    [new PermanentAdapterError("READ_ONLY", "x", { retryable: true }), "PermanentAdapterError", "READ_ONLY", false],
  ])("%s", (error, name, code, retryable) => {
    expect(error).toBeInstanceOf(StoredError)
    expect(error).toMatchObject({ name, code, retryable })
  })
})

describe("an error that is made by its code alone", () => {
  it.each([
    ["NOT_FOUND", NotFoundError, 404],
    ["CONFLICT", ConflictError, 409],
    ["QUOTA_EXCEEDED", QuotaExceededError, 507],
    ["UNAUTHENTICATED", UnauthorizedError, 401],
    ["FORBIDDEN", UnauthorizedError, 403],
    ["SECRET_UNAVAILABLE", EncryptionError, 503],
    ["CORRUPT", ConsistencyError, 500],
    ["CHECKSUM_MISMATCH", ConsistencyError, 400],
    ["BACKEND_REFUSED", PermanentAdapterError, 422],
    ["BACKEND_FULL", PermanentAdapterError, 507],
  ] as const)("%s is of its class, and has its status", (code, kind, statusCode) => {
    const error = new StoredError(code, "x", { details: { n: 1 } })
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ name: kind.name, statusCode, retryable: false, details: { n: 1 } })
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code, message: "x", retryable: false, details: { n: 1 } })
  })

  it("passes by itself, or does not, as it says", () => {
    for (const code of ["BACKEND_UNAVAILABLE", "TIMEOUT"] as const) {
      expect(new StoredError(code, "x", { retryable: true })).toBeInstanceOf(TransientAdapterError)
      expect(new StoredError(code, "x")).not.toBeInstanceOf(TransientAdapterError)
    }
    expect(new StoredError("INVALID_INPUT", "x").constructor).toBe(StoredError)
  })
})

describe("toStoredError", () => {
  it("leaves its own alone and wraps foreign ones with their cause", () => {
    const own = new NotFoundError("x")
    expect(toStoredError(own)).toBe(own)
    const foreign = new TypeError("odd")
    expect(toStoredError(foreign)).toMatchObject({ code: "INTERNAL", cause: foreign })
    expect(toStoredError("text")).toMatchObject({ code: "INTERNAL", cause: "text" })
    expect(toStoredError(undefined).code).toBe("INTERNAL")
  })

  it("knows aborts, and the reason behind them", () => {
    expect(toStoredError(AbortSignal.abort().reason)).toMatchObject({ code: "ABORTED" })
    const reason = new StoredError("CLOSED", "Closing.")
    expect(toStoredError(new DOMException("x", { name: "AbortError", cause: reason }))).toBe(reason)
  })
})

describe("throwIfAborted", () => {
  it("throws the signal's own error, or ABORTED with its reason", () => {
    expect(() => throwIfAborted(undefined)).not.toThrow()
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow()
    const reason = new StoredError("CLOSED", "Closing.")
    expect(() => throwIfAborted(AbortSignal.abort(reason))).toThrow(reason)
    expect(() => throwIfAborted(AbortSignal.abort("why"))).toThrow(
      expect.objectContaining({ code: "ABORTED", cause: "why" }),
    )
  })
})
