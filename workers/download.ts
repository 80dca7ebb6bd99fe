/**
 * A blob, or a part of it, from the server over HTTP, as a stream of exactly the bytes that were asked for. An answer that breaks off, falls silent or says
 * another length than it must is asked for again from where it broke; only tries without progress count, and only so many. It never ends cleanly
 * before the last byte.
 */
import type { IncomingMessage } from "node:http"
import { Readable } from "node:stream"
import type { BlobId } from "../src/core/blob-id.ts"
import type { ByteRange } from "../src/core/blob-source.ts"
import { abortError, StoredError, TransientAdapterError, throwIfAborted, toStoredError } from "../src/core/error.ts"
import { mayFailUnheard } from "../src/core/unheard.ts"
import { type Backoff, DEFAULT_BACKOFF, pause } from "./backoff.ts"
import type { ServerClient } from "./server-client.ts"

export interface DownloadOptions {
  server: Pick<ServerClient, "content">
  id: BlobId
  /** bytes of the whole blob */
  size: number
  range: ByteRange
  signal: AbortSignal
  except?: { backend: string; key: string }
  /** longest wait for any bytes once the answer has begun, ms */
  silence?: number
  backoff?: Backoff
}

/** Tries in a row that bring less than `PROGRESS` bytes. Together they outlast a server that starts again. */
const MOST_BREAKS = 10
const PROGRESS = 2 ** 20
const SILENCE = 30_000
const WATERMARK = 256 * 1024

export class Download extends Readable {
  readonly #pieces: AsyncGenerator<Buffer>
  readonly #gone = new AbortController()
  readonly #end: () => void
  readonly #signal: AbortSignal
  #reading: Promise<unknown> | null = null

  constructor(options: DownloadOptions) {
    super({ highWaterMark: WATERMARK })
    this.#signal = options.signal
    this.#pieces = pieces(options, AbortSignal.any([options.signal, this.#gone.signal]))
    this.#end = () => this.destroy(abortError(options.signal))
    mayFailUnheard(this)
    options.signal.addEventListener("abort", this.#end, { once: true })
    if (options.signal.aborted) this.#end()
  }

  override _read(): void {
    const reading = this.#pieces.next()
    this.#reading = reading
    reading.then(
      ({ done, value }) => this.push(done ? null : value),
      (error: unknown) => this.destroy(toStoredError(error)),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#signal.removeEventListener("abort", this.#end)
    this.#gone.abort(new StoredError("ABORTED", "Nobody reads the download any more."))
    // The connection is let go before anybody hears that the stream is closed.
    Promise.allSettled([this.#reading, this.#pieces.return(undefined)]).then(() => done(error))
  }
}

async function* pieces(options: DownloadOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { end } = options.range
  let position = options.range.start
  let mark = position
  let breaks = 0
  while (position < end) {
    try {
      for await (const chunk of answer(options, position, signal)) {
        position += chunk.length
        yield chunk
      }
      if (position < end) throw broken(`after ${position} of ${end} bytes`)
    } catch (error) {
      throwIfAborted(signal)
      const fault = toStoredError(error)
      breaks = position - mark >= PROGRESS ? 1 : breaks + 1
      mark = position
      if (!fault.retryable || breaks > MOST_BREAKS) throw sourceFault(fault)
      await pause(breaks, options.backoff ?? DEFAULT_BACKOFF, signal)
    }
  }
}

/** One answer, from `position` on. What it says about itself must be right before a byte of it is believed. */
async function* answer(options: DownloadOptions, position: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { server, id, size, range, except, silence = SILENCE } = options
  const isWhole = position === 0 && range.end === size
  const wanted = { start: position, end: range.end }
  const request = { id, size, ...(!isWhole && { range: wanted }), ...(except && { except }) }
  const response = await server.content(request, signal)
  try {
    requireLength(response, isWhole ? null : wanted, size)
    const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    for (;;) {
      // Only while we wait for bytes: how slowly they are taken from us says nothing about the server.
      const timer = setTimeout(() => response.destroy(broken(`after a silence of ${silence} ms`)), silence)
      const { done, value } = await chunks.next().finally(() => clearTimeout(timer))
      if (done) return
      yield value
    }
  } catch (error) {
    throw error instanceof StoredError ? error : broken("before its end", error)
  } finally {
    response.destroy()
  }
}

/** @throws StoredError where the answer is not the one that was asked for */
function requireLength(response: IncomingMessage, range: ByteRange | null, size: number): void {
  const { statusCode, headers } = response
  const length = range ? range.end - range.start : size
  const isAsked = range
    ? statusCode === 206 && headers["content-range"] === `bytes ${range.start}-${range.end - 1}/${size}`
    : statusCode === 200
  if (isAsked && headers["content-length"] === String(length)) return
  throw broken("before it began: the server's answer is not of the length that was asked for")
}

function broken(how: string, cause?: unknown): StoredError {
  return new TransientAdapterError(`The download broke ${how}.`, { cause })
}

/** A copy that cannot be had now is not the fault of the backend that waits for it. */
function sourceFault(fault: StoredError): StoredError {
  if (!fault.retryable) return fault
  return new StoredError("SOURCE_FAILED", `The bytes cannot be had from the server: ${fault.message}`, {
    retryable: true,
    cause: fault,
  })
}
