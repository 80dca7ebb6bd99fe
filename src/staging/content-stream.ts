/**
 * A stream over an open content file, or a part of it. It reads one chunk ahead. With a check, the bytes are hashed on the way, and the last chunk is
 * given only once the whole is right: bad content destroys the stream with CORRUPT and never ends it cleanly (I7).
 *
 * It owns the descriptor and closes it however it ends, also if nobody ever reads.
 */
import { Readable } from "node:stream"
import type { ByteRange } from "../core/blob-source.ts"
import { type StoredError, throwIfAborted } from "../core/error.ts"
import { mayFailUnheard } from "../core/unheard.ts"
import { close, readFully } from "./system-calls.ts"

export interface ContentCheckOnTheWay {
  update(bytes: Uint8Array): void
  /** throws where the bytes so far are not the content */
  finish(): void
}

export interface ContentStreamOptions {
  /** opens the file, or has it open */
  open(): Promise<number>
  range: ByteRange
  check?: ContentCheckOnTheWay
  signal?: AbortSignal
  /** what to make of a failed read, or of a file that ends too early (`undefined`) */
  failed(error: unknown): StoredError
}

const CHUNK = 2 ** 20

export class ContentStream extends Readable {
  readonly #options: ContentStreamOptions
  readonly #abort: () => void
  #fd = -1
  #position: number
  #ahead: Promise<Buffer> | null = null

  constructor(options: ContentStreamOptions) {
    super({ highWaterMark: CHUNK })
    this.#options = options
    this.#position = options.range.start
    this.#abort = () => this.#destroyAborted()
    mayFailUnheard(this)
    options.signal?.addEventListener("abort", this.#abort, { once: true })
    if (options.signal?.aborted) this.#destroyAborted()
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#options.open().then(
      (fd) => {
        this.#fd = fd
        done()
      },
      (error: unknown) => done(this.#options.failed(error)),
    )
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener("abort", this.#abort)
    const fd = this.#fd
    this.#fd = -1
    // A read under way must end before its descriptor does: the number may be another file's at once.
    Promise.allSettled([this.#ahead])
      .then(() => (fd < 0 ? undefined : close(fd)))
      .then(
        () => done(error),
        (failure: unknown) => done(error ?? this.#options.failed(failure)),
      )
  }

  async #next(): Promise<Buffer | null> {
    const { range, check } = this.#options
    if (this.#position >= range.end) {
      check?.finish()
      return null
    }
    const chunk = await (this.#ahead ?? this.#readChunk(this.#position))
    this.#position += chunk.length
    this.#ahead = null
    if (this.#position < range.end && this.#fd >= 0) {
      this.#ahead = this.#readChunk(this.#position)
      // Met when it is awaited; a stream that is destroyed before does not need it.
      this.#ahead.catch(() => {})
    }
    check?.update(chunk)
    if (this.#position >= range.end) check?.finish()
    return chunk
  }

  async #readChunk(position: number): Promise<Buffer> {
    const length = Math.min(CHUNK, this.#options.range.end - position)
    const chunk = Buffer.allocUnsafeSlow(length)
    const count = await readFully(this.#fd, chunk, 0, length, position).catch((error: unknown) => {
      throw this.#options.failed(error)
    })
    if (count < length) throw this.#options.failed(undefined)
    return chunk
  }

  #destroyAborted(): void {
    try {
      throwIfAborted(this.#options.signal)
    } catch (error) {
      this.destroy(error as Error)
    }
  }
}
