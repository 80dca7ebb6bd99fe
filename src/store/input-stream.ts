/**
 * Inputs that can be read once: Node streams, web streams and async iterables, all turned into one well-behaved Readable of bytes.
 *
 * - A stream that was read from, ended by force or has failed before is refused: part of its bytes are gone.
 * - From here on the source has an error listener: one that fails before anybody reads it cannot end the process.
 * - Text chunks are encoded (as UTF-8, or as the stream's own encoding says); any other chunk is SOURCE_FAILED.
 * - The source is destroyed by an abort and by `close`, and nobody waits for it to answer.
 */
import { Readable } from "node:stream"
import { types } from "node:util"
import type { BlobSource } from "../core/blob-source.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import type { InputOptions, OpenedInput } from "./input.ts"

/** What the three kinds have in common. */
interface Feed {
  next(): Promise<IteratorResult<unknown>>
  /** Ends the source; does not wait. Never throws, harmless after its end. */
  cancel(reason: Error): void
  /** text chunks are in this encoding */
  encoding: BufferEncoding
  /** whether a chunk may be overwritten by its maker once the next one is asked for */
  reusesChunks: boolean
}

export function openReadable(stream: Readable, options: InputOptions): OpenedInput {
  if (Readable.isDisturbed(stream)) throw refused("The stream was read from, or destroyed, before")
  if (stream.errored || stream.destroyed) throw refused("The stream is destroyed already")
  if (!stream.readable) throw refused("The stream has ended, or is only writable")
  // The iterator below tells of errors. This one stays for good: an error can come before somebody reads, and after `destroy`.
  stream.on("error", () => {})
  let iterator: AsyncIterator<unknown> | null = null
  return opened(options, {
    next: () => {
      iterator ??= stream.iterator({ destroyOnReturn: true })[Symbol.asyncIterator]()
      return iterator.next()
    },
    cancel: (reason) => void stream.destroy(reason),
    encoding: stream.readableEncoding ?? "utf8",
    reusesChunks: false,
  })
}

export function openWebStream(stream: ReadableStream<unknown>, options: InputOptions): OpenedInput {
  if (stream.locked) throw refused("The stream is locked: somebody else reads it")
  if (Readable.isDisturbed(stream as ReadableStream & Readable)) throw refused("The stream was read from before")
  // Taken now, so that nobody else can read in between.
  const reader = stream.getReader()
  return opened(options, {
    next: async () => {
      const { done, value } = await reader.read()
      return done ? { done, value: undefined } : { done, value }
    },
    // Its promise rejects only for a stream that has failed by itself, which `next` has told.
    cancel: (reason) => void reader.cancel(reason).catch(() => {}),
    encoding: "utf8",
    reusesChunks: false,
  })
}

export function openIterable(iterable: AsyncIterable<unknown>, options: InputOptions): OpenedInput {
  let iterator: AsyncIterator<unknown> | null = null
  return opened(options, {
    next: () => {
      iterator ??= iterable[Symbol.asyncIterator]()
      return iterator.next()
    },
    // A generator that waits for ever answers `return` never; and what its clean-up throws has no reader any more.
    cancel: () => void Promise.resolve(iterator?.return?.()).catch(() => {}),
    encoding: "utf8",
    reusesChunks: true,
  })
}

function opened({ size, signal }: InputOptions, feed: Feed): OpenedInput {
  let stream: Readable | null = null
  let isOver = false
  /** Null: the source came to its end by itself, and is left alone. */
  const finish = (reason: Error | null): void => {
    if (isOver) return
    isOver = true
    signal?.removeEventListener("abort", abort)
    if (reason) feed.cancel(reason)
  }
  const abort = (): void => {
    const reason = abortError(signal)
    if (stream) stream.destroy(reason)
    else finish(reason)
  }
  signal?.addEventListener("abort", abort, { once: true })
  const source: BlobSource = {
    once: true,
    ...(size !== undefined && { size }),
    read: (range) => {
      if (stream || range) return failed("This source can be read once only, and only as a whole.")
      stream = toReadable(feed, finish)
      if (signal?.aborted) stream.destroy(abortError(signal))
      return stream
    },
  }
  return {
    source,
    name: null,
    mimeType: null,
    modified: null,
    mode: null,
    verify: async () => {},
    close: async () => {
      finish(new StoredError("ABORTED", "The put ended before the stream did."))
      stream?.destroy()
    },
  }
}

function toReadable(feed: Feed, finish: (reason: Error | null) => void): Readable {
  const stream = new Readable({
    read() {
      pull(feed).then(
        (chunk) => {
          if (!chunk) finish(null)
          this.push(chunk)
        },
        (error: unknown) => this.destroy(sourceError(error)),
      )
    },
    destroy(error, done) {
      finish(error ?? new StoredError("ABORTED", "Nobody reads the stream any more."))
      done(error)
    },
  })
  // Whoever reads hears of errors by its own means. An abort after the reader has left must not end the process.
  return stream.on("error", () => {})
}

/** The next chunk that has bytes, or null at the end. */
async function pull(feed: Feed): Promise<Uint8Array | null> {
  for (;;) {
    const { done, value } = await feed.next()
    if (done) return null
    const chunk = toBytes(value, feed)
    if (chunk.length > 0) return chunk
  }
}

function toBytes(chunk: unknown, { encoding, reusesChunks }: Feed): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(chunk, encoding)
  if (types.isUint8Array(chunk)) return reusesChunks ? Buffer.from(chunk) : chunk
  const kind = chunk === null ? "null" : typeof chunk
  throw new StoredError("SOURCE_FAILED", `The stream gave a chunk that is neither bytes nor text but ${kind}.`)
}

function sourceError(error: unknown): StoredError {
  if (error instanceof StoredError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new StoredError("SOURCE_FAILED", `The source failed before its end: ${message}`, { cause: error })
}

function abortError(signal: AbortSignal | undefined): StoredError {
  try {
    throwIfAborted(signal)
  } catch (error) {
    if (error instanceof StoredError) return error
    throw error
  }
  return new StoredError("ABORTED", "The operation was aborted.")
}

function failed(message: string): Readable {
  const stream = new Readable({ read() {} })
  stream.destroy(new StoredError("INTERNAL", message))
  return stream
}

function refused(reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `${reason}; give a fresh one.`)
}
