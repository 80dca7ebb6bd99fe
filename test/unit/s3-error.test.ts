/** The one table of what S3 servers say: code and retryable of each, delays that are asked for, and nothing of what a server wrote in the message. */
import { describe, expect, it } from "vitest"
import { Breaker, DEFAULT_BREAKER } from "../../queues/breaker.ts"
import { failureOf } from "../../queues/failure.ts"
import { DEFAULT_RETRY_POLICY } from "../../queues/retry-policy.ts"
import { isUploadGone, s3Error } from "../../src/backends/s3/error.ts"
import { ConflictError, type ErrorCode, NotFoundError, StoredError } from "../../src/core/error.ts"

/** An error as the SDK throws it. */
function foreign(name: string | undefined, status?: number, headers: Record<string, string> = {}): Error {
  const error = new Error("the server wrote a canary here")
  return Object.assign(error, {
    name: name ?? "Unknown",
    $metadata: { httpStatusCode: status },
    $response: { headers },
  })
}

describe("s3Error", () => {
  it.each<[string | undefined, number | undefined, ErrorCode, boolean]>([
    ["NoSuchKey", 404, "NOT_FOUND", false],
    ["NotFound", 404, "NOT_FOUND", false],
    [undefined, 404, "NOT_FOUND", false],
    ["NoSuchBucket", 404, "BACKEND_REFUSED", false],
    ["AccessDenied", 403, "PERMISSION_DENIED", false],
    [undefined, 403, "PERMISSION_DENIED", false],
    ["InvalidAccessKeyId", 403, "PERMISSION_DENIED", false],
    ["SignatureDoesNotMatch", 403, "PERMISSION_DENIED", false],
    ["ExpiredToken", 400, "PERMISSION_DENIED", true],
    ["RequestTimeTooSkewed", 403, "PERMISSION_DENIED", true],
    ["CredentialsProviderError", undefined, "PERMISSION_DENIED", false],
    ["SlowDown", 503, "BACKEND_UNAVAILABLE", true],
    ["TooManyRequestsException", 429, "BACKEND_UNAVAILABLE", true],
    [undefined, 503, "BACKEND_UNAVAILABLE", true],
    [undefined, 502, "BACKEND_UNAVAILABLE", true],
    ["InternalError", 500, "BACKEND_UNAVAILABLE", true],
    ["InternalError", 200, "BACKEND_UNAVAILABLE", true],
    ["RequestTimeout", 400, "TIMEOUT", true],
    ["TimeoutError", undefined, "TIMEOUT", true],
    ["EntityTooLarge", 400, "BACKEND_REFUSED", false],
    ["InvalidStorageClass", 400, "BACKEND_REFUSED", false],
    ["BadDigest", 400, "BACKEND_UNAVAILABLE", true],
    ["XAmzContentSHA256Mismatch", 400, "BACKEND_UNAVAILABLE", true],
    ["PreconditionFailed", 412, "CONFLICT", true],
    ["ConditionalRequestConflict", 409, "CONFLICT", true],
    ["QuotaExceeded", 403, "BACKEND_FULL", false],
    [undefined, 507, "BACKEND_FULL", false],
    ["PermanentRedirect", 301, "INVALID_CONFIG", false],
    ["AuthorizationHeaderMalformed", 400, "INVALID_CONFIG", false],
    ["NoSuchUpload", 404, "BACKEND_UNAVAILABLE", true],
    ["NotImplemented", 501, "BACKEND_REFUSED", false],
    ["SomethingNew", 500, "BACKEND_UNAVAILABLE", true],
    ["SomethingNew", 400, "BACKEND_REFUSED", false],
    ["SomethingNew", undefined, "BACKEND_UNAVAILABLE", true],
  ])("%s with status %s is %s, retryable %s", (name, status, code, retryable) => {
    const cause = foreign(name, status)
    const error = s3Error(cause, 'write "k"')
    expect(error).toMatchObject({ code, retryable, cause })
    expect(error.message).toContain('write "k"')
    expect(error.message).not.toContain("canary")
    expect(error instanceof NotFoundError).toBe(code === "NOT_FOUND")
    expect(error instanceof ConflictError).toBe(code === "CONFLICT")
  })

  it.each(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EPIPE", "EAI_AGAIN"])("%s passes", (code) => {
    const error = s3Error(Object.assign(new Error("connect"), { code }), "x")
    expect(error).toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true, details: { error: code } })
  })

  it.each(["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT"])("%s needs a person", (code) => {
    expect(s3Error(Object.assign(new Error("tls"), { code }), "x")).toMatchObject({ retryable: false })
  })

  it.each([new TypeError("x is not a function"), new Error("Duplicate middleware"), "text", undefined])(
    "%s is a mistake of ours, not a fault that passes",
    (thrown) => {
      expect(s3Error(thrown, "x")).toMatchObject({ code: "INTERNAL", retryable: false })
    },
  )

  it("leaves our own errors as they are", () => {
    const ours = new StoredError("SOURCE_FAILED", "The source broke.")
    expect(s3Error(ours, "x")).toBe(ours)
  })

  it("knows an upload that is gone, in the words of every server, also inside our own error", () => {
    for (const name of ["NoSuchUpload", "NoSuchKey"]) {
      expect(isUploadGone(s3Error(foreign(name, 404), "x")), name).toBe(true)
    }
    expect(isUploadGone(s3Error(foreign("AccessDenied", 403), "x"))).toBe(false)
  })
})

describe("Retry-After", () => {
  const delayOf = (header: string): unknown =>
    s3Error(foreign("SlowDown", 503, { "retry-after": header }), "x").details.retryAfter

  it("is told in ms, of seconds and of dates", () => {
    expect(delayOf("7")).toBe(7000)
    const date = delayOf(new Date(Date.now() + 60_000).toUTCString())
    expect(date).toBeGreaterThan(50_000)
    expect(date).toBeLessThanOrEqual(60_000)
  })

  it.each(["soon", "-1", "0", new Date(0).toUTCString()])("%s asks for nothing", (header) => {
    expect(delayOf(header)).toBeUndefined()
  })

  it("is obeyed by the queue where it is longer than its own delay, up to the time at which parked jobs come back", () => {
    const payload = { kind: "sync" as const, backend: "b", key: "k", generation: 1 }
    const dueAfter = (retryAfter?: number): number => {
      const breaker = new Breaker(DEFAULT_BREAKER, () => {})
      const error = new StoredError("BACKEND_UNAVAILABLE", "Busy.", {
        retryable: true,
        details: retryAfter === undefined ? {} : { retryAfter },
      })
      const context = { breaker, policy: DEFAULT_RETRY_POLICY, now: 0, random: () => 0.5 }
      const { result } = failureOf({ payload, attempts: 0 }, error, context)
      return result.type === "retry" ? result.dueAt : Number.NaN
    }
    expect(dueAfter()).toBe(1000)
    expect(dueAfter(200)).toBe(1000)
    expect(dueAfter(30_000)).toBe(30_000)
    expect(dueAfter(1e12)).toBe(DEFAULT_RETRY_POLICY.reviveAfter)
  })
})

describe("Retry-After to one job", () => {
  const told = (code: ErrorCode, kind: "sync" | "checksum" = "sync"): number | null => {
    const breaker = new Breaker(DEFAULT_BREAKER, () => {})
    const payload =
      kind === "sync"
        ? { kind, backend: "b", key: "k", generation: 1 }
        : { kind, id: `sha256:${"0".repeat(64)}` as const }
    const error = new StoredError(code, "Busy.", { retryable: true, details: { retryAfter: 5_000 } })
    failureOf({ payload, attempts: 0 }, error, { breaker, policy: DEFAULT_RETRY_POLICY, now: 7, random: () => 0.5 })
    return breaker.heldUntil
  }

  it("is meant for all of that backend, and for no other", () => {
    expect(told("BACKEND_UNAVAILABLE")).toBe(5_007)
    // The source is another backend, and a checksum job has none.
    expect([told("SOURCE_FAILED"), told("BACKEND_UNAVAILABLE", "checksum")]).toEqual([null, null])
  })
})

describe("a write that another was faster than", () => {
  it.each<[ErrorCode, string]>([
    ["CONFLICT", "closed"],
    ["BACKEND_UNAVAILABLE", "open"],
  ])("%s leaves the breaker %s", (code, state) => {
    const breaker = new Breaker({ threshold: 2, pause: 10, maxPause: 10 }, () => {})
    for (const key of ["a", "b", "c"]) {
      const payload = { kind: "sync" as const, backend: "b", key, generation: 1 }
      const error = new StoredError(code, "As asked.", { retryable: true })
      failureOf({ payload, attempts: 0 }, error, { breaker, policy: DEFAULT_RETRY_POLICY, now: 0, random: () => 0.5 })
    }
    expect(breaker.state).toBe(state)
  })
})
