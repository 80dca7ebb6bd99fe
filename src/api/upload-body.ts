/**
 * The body of a request as a stream for `store.put`, apart from the request itself: whoever reads it may destroy it (after a
 * fault) and the connection still carries the answer; the rest of the body is then read and dropped.
 *
 * It counts the bytes against the limit, cuts a client that owes bytes and stays silent or drips them, and fails, never ends, when
 * the client goes away half way.
 */
import type { IncomingMessage } from "node:http"
import { Readable } from "node:stream"
import { StoredError } from "../core/error.ts"
import { sendContinue } from "./expect-continue.ts"
import type { ApiLimits } from "./limits.ts"
import { type PaceLimits, UploadPace } from "./upload-pace.ts"

export type BodyLimits = Pick<ApiLimits, "maxBlobSize" | "idleTimeout"> & PaceLimits

/** Errors on the stream: TOO_LARGE, SOURCE_FAILED (silent or dripping client), ABORTED (client gone). @param now ms that never go back */
export function uploadBody(
  request: IncomingMessage,
  limits: BodyLimits,
  now: () => number = () => performance.now(),
): Readable {
  const maximum = limits.maxBlobSize ?? Number.POSITIVE_INFINITY
  const pace = new UploadPace(limits, now)
  let received = 0
  let silence: NodeJS.Timeout | undefined

  const body = new Readable({
    highWaterMark: 256 * 1024,
    read() {
      sendContinue(request)
      silence ??= setTimeout(() => body.destroy(silent(limits.idleTimeout)), limits.idleTimeout)
      pace.wait()
      request.resume()
    },
    destroy(error, done) {
      clearTimeout(silence)
      request.off("data", take).off("end", finish).off("error", lose).off("close", lose)
      request.on("error", ignore)
      request.resume()
      done(error)
    },
  })

  function take(chunk: Buffer): void {
    received += chunk.length
    if (received > maximum) {
      body.destroy(tooLarge(maximum))
    } else if (pace.isTooSlow(received)) {
      body.destroy(dripping(limits.leastRate))
    } else if (body.push(chunk)) {
      silence?.refresh()
    } else {
      // Now we are the slow side: the client's silence says nothing until somebody reads again.
      clearTimeout(silence)
      silence = undefined
      pace.rest()
      request.pause()
    }
  }
  function finish(): void {
    clearTimeout(silence)
    body.push(null)
  }
  function lose(cause?: Error): void {
    if (request.complete && !cause) return
    body.destroy(new StoredError("ABORTED", "The client closed the connection before the end of the body.", { cause }))
  }

  // Readers hear of errors by their own means; one that comes after they left must not end the process.
  body.on("error", ignore)
  request.on("data", take).on("end", finish).on("error", lose).on("close", lose)
  request.pause()
  if (request.destroyed && !request.complete) lose()
  return body
}

/** The declared length in bytes, undefined for chunked bodies. @throws StoredError TOO_LARGE before any byte is read */
export function declaredSize(request: IncomingMessage, limits: BodyLimits): number | undefined {
  if (request.headers["transfer-encoding"] !== undefined) return undefined
  const size = Number(request.headers["content-length"] ?? 0)
  if (limits.maxBlobSize !== null && size > limits.maxBlobSize) throw tooLarge(limits.maxBlobSize)
  return size
}

/** After the stream was let go, an error is an error of nobody. */
function ignore(): void {}

function tooLarge(limit: number): StoredError {
  return new StoredError("TOO_LARGE", `The body is larger than the ${limit} bytes that this server takes.`, {
    details: { limit },
  })
}

function silent(time: number): StoredError {
  return new StoredError(
    "SOURCE_FAILED",
    `The client sent nothing for ${time / 1000} seconds; the upload was given up.`,
    {
      retryable: true,
    },
  )
}

function dripping(rate: number): StoredError {
  return new StoredError(
    "SOURCE_FAILED",
    `The client sent fewer than ${rate} bytes a second; the upload was given up. Send faster, or have the server's STORED_LEAST_UPLOAD_RATE lowered.`,
    { retryable: true },
  )
}
