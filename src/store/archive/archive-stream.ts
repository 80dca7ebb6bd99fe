/**
 * An archive as a stream. Whoever stops reading ends the source that is being read; a source that fails breaks the stream, which then never ends as a
 * whole archive does.
 */
import { Readable } from "node:stream"
import { abortError, StoredError, toStoredError } from "../../core/error.ts"
import { mayFailUnheard } from "../../core/unheard.ts"

export class ArchiveStream extends Readable {
  readonly #pieces: AsyncGenerator<Buffer>
  readonly #over: AbortController
  readonly #signal: AbortSignal | undefined

  /** @param over told when nobody reads on, so that a source that does not answer is let go of */
  constructor(pieces: AsyncGenerator<Buffer>, over: AbortController, signal: AbortSignal | undefined) {
    super({ highWaterMark: 256 * 1024 })
    this.#pieces = pieces
    this.#over = over
    this.#signal = signal
    mayFailUnheard(this)
    signal?.addEventListener("abort", this.#abort, { once: true })
    if (signal?.aborted) this.#abort()
  }

  override _read(): void {
    this.#pieces.next().then(
      ({ done, value }) => void this.push(done ? null : value),
      (error: unknown) => this.destroy(toStoredError(error)),
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#signal?.removeEventListener("abort", this.#abort)
    this.#over.abort(new StoredError("ABORTED", "The archive is not read any more."))
    // It may wait for a source that does not answer: nobody waits for its end.
    void this.#pieces.return(undefined).catch(() => {})
    done(error)
  }

  readonly #abort = (): void => void this.destroy(abortError(this.#signal))
}
