/**
 * The body of an answer as a stream that tells the truth: one that is cut short, stands still, or drips, is an error and never a clean end. Nothing is
 * held against a reader who is slow himself.
 */
import { Readable } from "node:stream"
import { abortError, TransientAdapterError } from "../../core/error.ts"
import { mayFailUnheard } from "../../core/unheard.ts"
import { s3Error } from "./error.ts"

export interface BodyStreamOptions {
  key: string
  /** bytes that the answer announced */
  size: number | undefined
  /** ms without progress, while bytes are waited for, before it is given up */
  idle: number
  signal: AbortSignal | undefined
}

/** bytes that must come within `idle` ms of waiting */
const LEAST_PROGRESS = 16 * 1024

export class BodyStream extends Readable {
  readonly #body: Readable
  readonly #options: BodyStreamOptions
  readonly #abort = (): void => void this.destroy(abortError(this.#options.signal))
  #timer: NodeJS.Timeout | null = null
  /** ms of waiting that are left, and bytes seen, since there was progress the last time */
  #patience: number
  #progress = 0
  #waitingSince = 0
  #seen = 0

  constructor(body: Readable, options: BodyStreamOptions) {
    super()
    this.#body = body
    this.#options = options
    this.#patience = options.idle
    body.pause()
    body.on("data", (chunk: Buffer) => this.#take(chunk))
    body.once("end", () => this.#end())
    body.on("error", (error) => this.destroy(s3Error(error, `read "${options.key}"`)))
    body.once("close", () => this.#closed())
    mayFailUnheard(this)
    options.signal?.addEventListener("abort", this.#abort, { once: true })
    if (options.signal?.aborted) this.#abort()
  }

  override _read(): void {
    if (this.#timer) return
    this.#wait()
    this.#body.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#rest()
    this.#options.signal?.removeEventListener("abort", this.#abort)
    this.#body.destroy()
    done(error)
  }

  #take(chunk: Buffer): void {
    this.#seen += chunk.length
    this.#progress += chunk.length
    const { size } = this.#options
    if (size !== undefined && this.#seen > size) return void this.destroy(this.#wrong("more bytes came than announced"))
    this.#rest()
    if (this.#progress >= LEAST_PROGRESS) {
      this.#progress = 0
      this.#patience = this.#options.idle
    }
    if (this.push(chunk)) this.#wait()
    else this.#body.pause()
  }

  #wait(): void {
    this.#waitingSince = performance.now()
    this.#timer = setTimeout(() => this.destroy(this.#late()), Math.max(1, this.#patience))
  }

  #rest(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = null
    this.#patience -= performance.now() - this.#waitingSince
  }

  #end(): void {
    this.#rest()
    const { size } = this.#options
    if (size !== undefined && this.#seen !== size) return void this.destroy(this.#wrong("it was cut short"))
    this.push(null)
  }

  /** A connection that closes without an end or an error. */
  #closed(): void {
    if (!this.#body.readableEnded && !this.destroyed) this.destroy(this.#wrong("it was cut short"))
  }

  #late(): TransientAdapterError {
    const message = `Cannot read "${this.#options.key}" further: too little came within ${this.#options.idle} ms.`
    return new TransientAdapterError(message, { code: "TIMEOUT" })
  }

  #wrong(how: string): TransientAdapterError {
    const { key, size } = this.#options
    return new TransientAdapterError(`Cannot read "${key}" to its end: ${how} (${this.#seen} of ${size} bytes).`)
  }
}
