/** `archive` over the wire. One connection: where it breaks, what came is no archive, and that is an error. */
import type { IncomingMessage } from "node:http"
import { Readable } from "node:stream"
import { parse } from "content-disposition"
import { abortError, type StoredError } from "../core/error.ts"
import { parseKey, parsePrefix } from "../core/key.ts"
import { mayFailUnheard } from "../core/unheard.ts"
import { checkOptions } from "../store/check-options.ts"
import type { ArchiveOptions, OpenedArchive } from "../store/store.ts"
import { LONG } from "./deadline.ts"
import type { Call, Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { nextChunk } from "./next-chunk.ts"
import { jsonBody } from "./send-body.ts"

/** @throws StoredError NOT_FOUND, INVALID_INPUT, INVALID_KEY; the stream breaks with BACKEND_UNAVAILABLE, TIMEOUT, ABORTED */
export async function archive(link: Link, options: ArchiveOptions): Promise<OpenedArchive> {
  const { keys, prefix, format, compress, name, fallback, signal } = checkOptions("archive", options)
  const call: Call = {
    method: "POST",
    path: "/v1/archive",
    body: jsonBody({
      keys: keys?.map(parseKey),
      prefix: prefix === undefined ? undefined : parsePrefix(prefix),
      format,
      compress,
      name,
      fallback: Array.isArray(fallback) ? nameList(fallback).split(",") : fallback,
    }),
    signal,
    // The first of thousands of objects may have to be fetched from afar.
    deadline: Math.max(link.timeout, LONG),
  }
  const response = await link.send(call)
  const { "content-disposition": disposition = "", "content-type": type, "content-length": length } = response.headers
  return {
    name: parse(disposition).parameters.filename ?? "archive",
    mimeType: type ?? "application/octet-stream",
    size: length === undefined ? null : Number(length),
    stream: new RemoteArchive(link, response, signal),
  }
}

class RemoteArchive extends Readable {
  readonly #link: Link
  readonly #response: IncomingMessage
  readonly #signal: AbortSignal | undefined

  constructor(link: Link, response: IncomingMessage, signal: AbortSignal | undefined) {
    super({ highWaterMark: 256 * 1024 })
    this.#link = link
    this.#response = response
    this.#signal = signal
    mayFailUnheard(this)
    signal?.addEventListener("abort", this.#abort, { once: true })
    if (signal?.aborted) this.#abort()
  }

  override _read(): void {
    nextChunk(this.#response, this.#link.timeout).then(
      (chunk) => void this.push(chunk),
      (error: unknown) => void this.destroy(this.#typed(error)),
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#signal?.removeEventListener("abort", this.#abort)
    // One that was read to its end serves the next request.
    if (!this.#response.readableEnded) this.#response.destroy()
    done(error)
  }

  readonly #abort = (): void => void this.destroy(abortError(this.#signal))

  #typed(error: unknown): StoredError {
    return this.#link.broken(error, this.#signal)
  }
}
