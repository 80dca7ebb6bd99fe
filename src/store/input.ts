/**
 * The front door of `put`: whatever the caller passed becomes a `BlobSource` (A1, A34), or is refused with a sentence.
 *
 * - Bytes are not copied. They must not change until the put has resolved; from then on they may.
 * - Files are opened once here, so that a missing one, a directory or a fifo is refused at once. Small ones are read here.
 * - Streams can be read once. Their errors arrive as SOURCE_FAILED with the cause, their end is watched over by `close`.
 * - An abort ends the source, whatever it is waiting for.
 */
import { Readable } from "node:stream"
import { fileURLToPath } from "node:url"
import { inspect, types } from "node:util"
import type { BlobSource } from "../core/blob-source.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { openBlob, openBytes } from "./input-bytes.ts"
import { openFile } from "./input-file.ts"
import { openIterable, openReadable, openWebStream } from "./input-stream.ts"
import type { PutInput } from "./store.ts"

export interface InputOptions {
  /** bytes that the source must have */
  size?: number
  signal?: AbortSignal
}

export interface OpenedInput {
  source: BlobSource
  /** the file's own name, where the input has one */
  name: string | null
  /** the content type that the input itself declares (`Blob`), or null */
  mimeType: string | null
  /** modification time of the file in UTC ms, or null */
  modified: number | null
  /** POSIX permission bits of the file, or null */
  mode: number | null
  /** After the source was read: throws SOURCE_FAILED (retryable) where the file is no longer the one that was opened. */
  verify(): Promise<void>
  /** Frees what is held, ends a stream that was not read to its end. May be called twice. */
  close(): Promise<void>
}

/**
 * Opens what `put` was given.
 * @throws StoredError INVALID_INPUT, SIZE_MISMATCH, SOURCE_FAILED, PERMISSION_DENIED, ABORTED
 */
export async function openInput(input: PutInput, options: InputOptions = {}): Promise<OpenedInput> {
  const { size, signal } = options
  const opened = await open(input, options)
  try {
    throwIfAborted(signal)
    if (size !== undefined) checkSize(size, opened.source)
    return opened
  } catch (error) {
    await opened.close()
    throw error
  }
}

async function open(input: PutInput, options: InputOptions): Promise<OpenedInput> {
  if (types.isUint8Array(input)) return openBytes(input)
  if (types.isAnyArrayBuffer(input)) return openBytes(new Uint8Array(intact(input)))
  if (typeof input === "string") return openFile(input, options.signal)
  if (input instanceof URL) return openFile(pathOf(input), options.signal)
  if (input instanceof Blob) return openBlob(input)
  if (isReadable(input)) return openReadable(input, options)
  if (input instanceof ReadableStream) return openWebStream(input, options)
  if (isAsyncIterable(input)) return openIterable(input, options)
  throw new StoredError("INVALID_INPUT", `${describe(input)} cannot be put. ${ACCEPTED}`)
}

const ACCEPTED =
  "Give a Buffer, Uint8Array, ArrayBuffer, Blob, readable stream, async iterable of bytes, a path, or a file: URL; for text use Buffer.from(text)."

function checkSize(size: number, source: BlobSource): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new StoredError("INVALID_INPUT", `The declared size ${size} is not a number of bytes.`)
  }
  if (source.size === undefined || source.size === size) return
  throw new StoredError("SIZE_MISMATCH", `The source has ${source.size} bytes, but ${size} were declared.`, {
    details: { declared: size, actual: source.size },
  })
}

/** A detached buffer looks like an empty one: it would be stored as nothing at all. */
function intact(buffer: ArrayBufferLike): ArrayBufferLike {
  if (buffer instanceof ArrayBuffer && buffer.detached) {
    throw new StoredError("INVALID_INPUT", "The ArrayBuffer is detached: its bytes were transferred elsewhere.")
  }
  return buffer
}

function pathOf(url: URL): string {
  if (url.protocol !== "file:") {
    throw new StoredError(
      "INVALID_INPUT",
      `"${url.protocol}" URLs cannot be put; fetch it and put the response's body.`,
    )
  }
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw new StoredError("INVALID_INPUT", `"${url.href}" does not name a file of this host.`, { cause: error })
  }
}

/** Readables of another realm or of the `readable-stream` package count too. */
function isReadable(input: unknown): input is Readable {
  if (input instanceof Readable) return true
  return isAsyncIterable(input) && "pipe" in input && "destroy" in input && "readable" in input
}

function isAsyncIterable(input: unknown): input is AsyncIterable<unknown> {
  return typeof input === "object" && input !== null && Symbol.asyncIterator in input
}

function describe(input: unknown): string {
  if (types.isPromise(input)) return "A Promise (await it first)"
  if (typeof input === "function") return "A function"
  return inspect(input, { depth: 0, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 40 }).slice(0, 80)
}
