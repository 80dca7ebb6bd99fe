/**
 * A download that outlives its connections: what breaks is asked for again from the byte where it broke, with `If-Range`, so that bytes of other
 * content never follow. It ends cleanly only when every byte came; of whole content, only when they hash to the id, because a server
 * checks a range that it is asked for, not what went before it.
 */
import type { IncomingMessage } from "node:http"
import { Readable } from "node:stream"
import { type BlobId, splitBlobId } from "../core/blob-id.ts"
import type { Hasher } from "../core/checksum.ts"
import { abortError, ConflictError, ConsistencyError, StoredError } from "../core/error.ts"
import { mayFailUnheard } from "../core/unheard.ts"
import { type AnsweredRange, answeredRange } from "./answered-range.ts"
import { idHasher } from "./id-hasher.ts"
import type { Call, Link } from "./link.ts"
import { nextChunk } from "./next-chunk.ts"
import { pause, pauseBefore } from "./pause.ts"

/** Tries in a row that bring too little before it is given up. */
const MOST_TRIES = 5
/** Bytes that make a try worth the next ones. */
const PROGRESS = 2 ** 20
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 5_000

export interface DownloadOptions {
  link: Link
  /** how it was asked for; a broken one is asked for in the same way */
  call: Call
  response: IncomingMessage
  /** false: whole content is not hashed */
  verify: boolean
}

/** @throws StoredError INTERNAL where the answer does not say what it carries */
export async function openDownload(options: DownloadOptions): Promise<{ stream: Readable; answered: AnsweredRange }> {
  const { response, verify } = options
  try {
    const answered = answeredRange(response)
    const { range, size, id } = answered
    const isWhole = range.start === 0 && range.end === size
    const hasher = verify && isWhole && id !== null ? await idHasher(splitBlobId(id).algorithm) : null
    return { stream: new Download(options, answered, hasher), answered }
  } catch (error) {
    response.destroy()
    throw error
  }
}

class Download extends Readable {
  readonly #link: Link
  readonly #call: Call
  readonly #etag: string | null
  readonly #id: BlobId | null
  readonly #hasher: Hasher | null
  readonly #end: number
  readonly #over = new AbortController()
  #response: IncomingMessage
  #position: number
  #tries = 0
  /** where the tries were counted anew */
  #mark: number

  constructor({ link, call, response }: DownloadOptions, { range, etag, id }: AnsweredRange, hasher: Hasher | null) {
    super({ highWaterMark: 256 * 1024 })
    this.#link = link
    this.#call = call
    this.#response = response
    this.#etag = etag
    this.#id = id
    this.#hasher = hasher
    this.#position = range.start
    this.#mark = range.start
    this.#end = range.end
    mayFailUnheard(this)
    call.signal?.addEventListener("abort", this.#abort, { once: true })
    if (call.signal?.aborted) this.#abort()
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#over.abort()
    this.#call.signal?.removeEventListener("abort", this.#abort)
    // One that was read to its end serves the next request.
    if (!this.#response.readableEnded) this.#response.destroy()
    done(error)
  }

  readonly #abort = (): void => void this.destroy(abortError(this.#call.signal))

  /** The next bytes, null after the last. The piece that completes the content is given only once the whole is right. */
  async #next(): Promise<Buffer | null> {
    for (;;) {
      const chunk = await this.#received()
      if (chunk === null && (this.destroyed || this.#position === this.#end)) return null
      if (chunk === null) continue
      this.#position += chunk.length
      if (this.#position > this.#end) throw new StoredError("INTERNAL", "The server sent more bytes than it announced.")
      this.#hasher?.update(chunk)
      if (this.#position === this.#end) this.#requireRight()
      return chunk
    }
  }

  /** Bytes of this connection, or null where it ended or was replaced by another. */
  async #received(): Promise<Buffer | null> {
    try {
      const chunk = await nextChunk(this.#response, this.#link.timeout)
      if (chunk !== null || this.#position === this.#end) return chunk
      throw new Error(`the answer ended after ${this.#position} of ${this.#end} bytes`)
    } catch (error) {
      if (this.destroyed || this.#position === this.#end) return null
      this.#response.destroy()
      this.#response = await this.#resume(this.#link.broken(error, this.#call.signal))
      return null
    }
  }

  /** @throws StoredError CONFLICT where the content is another now, `cause` where tries do not help */
  async #resume(cause: StoredError): Promise<IncomingMessage> {
    for (let failure = cause; ; ) {
      if (this.#position - this.#mark >= PROGRESS) {
        this.#tries = 0
        this.#mark = this.#position
      }
      this.#tries += 1
      if (!failure.retryable || this.#etag === null || this.#tries > MOST_TRIES) throw failure
      await pause(pauseBefore(this.#tries, FIRST_PAUSE, LONGEST_PAUSE), this.#over.signal)
      if (this.destroyed) throw failure
      try {
        return this.#requireSame(await this.#link.send(this.#rest(this.#etag)))
      } catch (error) {
        failure = this.#link.broken(error, this.#call.signal)
      }
    }
  }

  #rest(etag: string): Call {
    const headers = { ...this.#call.headers, range: `bytes=${this.#position}-${this.#end - 1}`, "if-range": etag }
    return { ...this.#call, headers, signal: this.#over.signal }
  }

  #requireSame(response: IncomingMessage): IncomingMessage {
    try {
      const { etag, range } = answeredRange(response)
      if (etag !== this.#etag) throw changed()
      if (range.start === this.#position && range.end === this.#end) return response
      throw new StoredError("INTERNAL", "The server answered with other bytes than were asked for.")
    } catch (error) {
      response.destroy()
      throw error
    }
  }

  #requireRight(): void {
    if (!this.#hasher || !this.#id) return
    const { algorithm, hex } = splitBlobId(this.#id)
    if (this.#hasher.digest() === hex) return
    throw new ConsistencyError(
      "CORRUPT",
      `The bytes that came do not hash to their id ${algorithm}:${hex}; try again.`,
      {
        details: { id: this.#id },
      },
    )
  }
}

function changed(): StoredError {
  return new ConflictError("The object was changed while it was downloaded, and the connection broke; get it again.")
}
