/**
 * One reader of a download. A whole read is hashed as it is handed out, wherever the bytes come from, and its last piece is given only once the
 * hash is right (I7). It ends when the download has, so that a whole read that has ended is cached.
 */
import { Readable } from "node:stream"
import type { ByteRange } from "../core/blob-source.ts"
import type { Hasher, HasherFactory } from "../core/checksum.ts"
import { abortError, ConsistencyError, StoredError } from "../core/error.ts"
import { mayFailUnheard } from "../core/unheard.ts"
import type { Download } from "./download.ts"

export interface DownloadReadOptions {
  /** absent: the whole */
  range?: ByteRange | undefined
  signal?: AbortSignal | undefined
  hashers: HasherFactory
}

export class DownloadRead extends Readable {
  readonly #download: Download
  readonly #end: number
  readonly #isWhole: boolean
  readonly #signal: AbortSignal | undefined
  readonly #abort = (): void => void this.destroy(abortError(this.#signal))
  readonly #control = new AbortController()
  /** null for a range, which nobody can verify, and once the bytes are proven */
  #hasher: Hasher | null
  #position: number
  #own: { stream: Readable; chunks: AsyncIterator<unknown> } | null = null
  #hasLeft = false

  /** Joins the download, and leaves it however it ends. */
  constructor(download: Download, { range, signal, hashers }: DownloadReadOptions) {
    super({ highWaterMark: 1 << 18 })
    this.#download = download
    this.#position = range?.start ?? 0
    this.#end = range?.end ?? download.blob.size
    this.#isWhole = !range
    this.#hasher = range ? null : hashers.create(download.algorithm)
    this.#signal = signal
    download.join()
    mayFailUnheard(this)
    signal?.addEventListener("abort", this.#abort, { once: true })
    if (signal?.aborted) this.#abort()
  }

  override _read(): void {
    this.#next().then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#signal?.removeEventListener("abort", this.#abort)
    this.#control.abort()
    this.#own?.stream.destroy()
    this.#leave()
    done(error)
  }

  async #next(): Promise<Buffer | null> {
    if (this.#position < this.#end) {
      const bytes = await this.#take()
      this.#hasher?.update(bytes)
      this.#position += bytes.length
      if (this.#position === this.#end) await this.#prove()
      return bytes
    }
    // Of an empty blob nothing came that could have been proven.
    await this.#prove()
    if (!this.#isWhole || this.#hasLeft) return null
    await this.#download.ended
    if (this.#download.failure) throw this.#download.failure
    return null
  }

  async #take(): Promise<Buffer> {
    const bytes = this.#hasLeft ? null : await this.#download.take(this.#position)
    return (bytes ?? (await this.#takeAlone())).subarray(0, this.#end - this.#position)
  }

  /** The download does not have these bytes any more: they are asked for once again, from here on. */
  async #takeAlone(): Promise<Buffer> {
    if (!this.#own) {
      const stream = await this.#download.request(this.#position, this.#control.signal)
      // Told through the iteration; one that comes when nobody iterates must not end the process.
      stream.on("error", () => {})
      this.#own = { stream, chunks: stream[Symbol.asyncIterator]() }
      if (this.destroyed) stream.destroy()
      // What nobody has read before is known only once the download has all of it.
      if (this.#download.hex !== null) this.#leave()
    }
    for (;;) {
      const { value, done } = await this.#own.chunks.next()
      if (done) throw new StoredError("COPY_UNAVAILABLE", "The copy ended too early.", { retryable: true })
      if ((value as Buffer).length > 0) return value as Buffer
    }
  }

  async #prove(): Promise<void> {
    const hasher = this.#hasher
    this.#hasher = null
    if (!hasher) return
    const hex = hasher.digest()
    // Asked for more than there is, it goes on to its end, at whatever pace others read.
    if (this.#download.hex === null) await this.#download.take(this.#download.blob.size)
    if (hex === this.#download.hex) return
    if (this.#own) throw await this.#download.drifted("corrupt")
    await this.#download.ended
    const { failure, isCached } = this.#download
    if (failure) throw failure
    if (!isCached) throw await this.#download.drifted("corrupt")
    const message = `What was written of ${this.#download.blob.id} was read back wrong; ask again, and look at the disk of staging.`
    throw new ConsistencyError("CORRUPT", message)
  }

  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#download.leave()
  }
}
