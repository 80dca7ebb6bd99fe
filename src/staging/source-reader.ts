/**
 * Reads a source once, chunk by chunk, checking its length against what was declared and what is allowed. Errors of the source arrive as
 * SOURCE_FAILED, an abort ends it at once, whatever it is waiting for. `end` destroys what was not read to its end.
 */
import type { Readable } from "node:stream"
import type { BlobSource } from "../core/blob-source.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"

export interface SourceLimits {
  maxBytes?: number
  signal?: AbortSignal
}

export class SourceReader {
  /** whether the source was read to its end */
  ended = false
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<unknown>
  readonly #size: number | undefined
  readonly #limits: SourceLimits
  readonly #abort: () => void
  #received = 0

  constructor(source: BlobSource, limits: SourceLimits) {
    this.#size = source.size
    this.#limits = limits
    this.#stream = source.read()
    // Told through the iteration; an error that comes when nobody iterates any more must not end the process.
    this.#stream.on("error", () => {})
    this.#chunks = this.#stream[Symbol.asyncIterator]()
    this.#abort = () => this.#stream.destroy(new StoredError("ABORTED", "The operation was aborted."))
    limits.signal?.addEventListener("abort", this.#abort, { once: true })
  }

  /** bytes so far */
  get received(): number {
    return this.#received
  }

  /** bytes in all, where declared */
  get size(): number | undefined {
    return this.#size
  }

  /**
   * Chunks of together more than `bytes`, or all that are left; `ended` tells which.
   * @throws StoredError SOURCE_FAILED, SIZE_MISMATCH, TOO_LARGE, ABORTED
   */
  async readUpTo(bytes: number): Promise<Uint8Array[]> {
    const chunks: Uint8Array[] = []
    for (let length = 0; length <= bytes; ) {
      const chunk = await this.#next()
      if (!chunk) break
      if (chunk.length === 0) continue
      chunks.push(chunk)
      length += chunk.length
    }
    return chunks
  }

  /** Destroys what is left. May be called twice. */
  end(): void {
    this.#limits.signal?.removeEventListener("abort", this.#abort)
    this.#stream.destroy()
  }

  async #next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#pull()
    throwIfAborted(this.#limits.signal)
    if (done) {
      this.ended = true
      if (this.#size !== undefined && this.#received !== this.#size) throw this.#sizeMismatch("only ")
      return null
    }
    const chunk = toBytes(value)
    this.#received += chunk.length
    checkSize(this.#received, this.#limits.maxBytes)
    if (this.#size !== undefined && this.#received > this.#size) throw this.#sizeMismatch("at least ")
    return chunk
  }

  async #pull(): Promise<IteratorResult<unknown>> {
    try {
      return await this.#chunks.next()
    } catch (error) {
      throwIfAborted(this.#limits.signal)
      if (error instanceof StoredError) throw error
      const message = error instanceof Error ? error.message : String(error)
      throw new StoredError("SOURCE_FAILED", `The source failed before its end: ${message}`, { cause: error })
    }
  }

  #sizeMismatch(bound: string): StoredError {
    const details = { declared: this.#size, actual: this.#received }
    const message = `The source has ${bound}${this.#received} bytes, but ${this.#size} were declared.`
    return new StoredError("SIZE_MISMATCH", message, { details })
  }
}

/** All of a source, for those who keep it in memory anyway. @throws StoredError as `SourceReader.readUpTo` */
export async function readSource(source: BlobSource, limits: SourceLimits): Promise<Uint8Array[]> {
  const reader = new SourceReader(source, limits)
  try {
    throwIfAborted(limits.signal)
    if (source.size !== undefined) checkSize(source.size, limits.maxBytes)
    return await reader.readUpTo(Number.POSITIVE_INFINITY)
  } finally {
    reader.end()
  }
}

/** @throws StoredError TOO_LARGE */
export function checkSize(size: number, maxBytes: number | undefined): void {
  if (maxBytes === undefined || size <= maxBytes) return
  const message = `The source has more than the ${maxBytes} bytes that are allowed.`
  throw new StoredError("TOO_LARGE", message, { details: { limit: maxBytes } })
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === "string") return Buffer.from(chunk)
  throw new StoredError("SOURCE_FAILED", "The source gave a chunk that is not bytes.")
}
