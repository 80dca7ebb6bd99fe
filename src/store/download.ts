/**
 * One read of a remote copy for all who want it at the same time. It goes into staging (A25) as fast as both allow, and readers follow at their
 * own pace: what a slow one has not read yet waits in the file, not in memory. Where staging does not take it, it goes on uncached, at the pace of the
 * fastest reader, and whoever lags behind by more than a window reads on by himself.
 *
 * Content that nobody has read before has no hash yet (R12): it gets its id when all of it was seen, is staged under that, and only then is a whole read whole.
 *
 * It does not depend on any one of its readers. When the last has left, it is ended, unless all bytes are there: then they are kept. When it
 * fails, nothing is cached, and all its readers fail with it, once each; the fault is logged once.
 */
import { PassThrough, type Readable } from "node:stream"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { blobId, isProvisional, splitBlobId } from "../core/blob-id.ts"
import type { Hasher, IdAlgorithm } from "../core/checksum.ts"
import {
  abortError,
  ConsistencyError,
  isStoredError,
  StoredError,
  throwIfAborted,
  toStoredError,
} from "../core/error.ts"
import { drifted } from "./drifted.ts"
import { ReceivedBytes } from "./received-bytes.ts"
import type { StoreServices } from "./services.ts"
import { UnreadContent } from "./unread-content.ts"
import { until } from "./until.ts"

export class Download {
  readonly blob: BlobRecord
  readonly location: LocationRecord
  /** resolves once the backend has begun to answer; rejects where it does not */
  readonly opened: Promise<void>
  /** resolves once nothing more happens here, good or bad; never, where it was not started */
  readonly ended: Promise<void>
  /** what the bytes are hashed with */
  readonly algorithm: IdAlgorithm
  readonly #services: StoreServices
  /** null where it is known what the bytes are */
  readonly #unread: { content: UnreadContent; hasher: Hasher } | null
  readonly #onEnd: () => void
  readonly #bytes = new ReceivedBytes()
  readonly #control = new AbortController()
  readonly #opened = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #hex: string | null
  #readers = 0
  #isCached = true
  #hasEnded = false
  #failure: StoredError | null = null
  #drift: Promise<StoredError> | null = null
  #changed = Promise.withResolvers<void>()
  #wanted = Promise.withResolvers<void>()

  /** @param onEnd called once, when nobody new may join any more */
  constructor(services: StoreServices, blob: BlobRecord, location: LocationRecord, onEnd: () => void) {
    this.#services = services
    this.blob = blob
    this.location = location
    this.#onEnd = onEnd
    const content = isProvisional(blob.id) ? new UnreadContent(services, blob, location) : null
    const known = content ? null : splitBlobId(blob.id)
    this.algorithm = content?.algorithm ?? known!.algorithm
    this.#hex = known?.hex ?? null
    this.#unread = content && { content, hasher: services.hashers.create(this.algorithm) }
    this.opened = this.#opened.promise
    // Whoever waits for it meets the error.
    this.opened.catch(() => {})
    this.ended = this.#ended.promise
  }

  start(): void {
    void this.#run().then(this.#ended.resolve)
  }

  /** What the bytes hash to; null as long as nobody knows. */
  get hex(): string | null {
    return this.#hex
  }

  /** Why it failed; null as long as it has not. */
  get failure(): StoredError | null {
    return this.#failure
  }

  /** Whether all of it went through staging, where it was hashed. */
  get isCached(): boolean {
    return this.#isCached
  }

  has(position: number): boolean {
    return this.#bytes.has(position)
  }

  join(): void {
    this.#readers += 1
  }

  /** A reader goes, each once. */
  leave(): void {
    this.#readers -= 1
    if (this.#readers > 0) return
    if (this.#hasEnded) this.#close()
    else if (this.#bytes.received < this.blob.size) {
      this.#end(new StoredError("ABORTED", "Nobody reads this download any more."))
    }
  }

  /** Some bytes from `position`, as soon as there are any. Null: it does not have them, or will not get them. @throws StoredError its failure */
  async take(position: number): Promise<Buffer | null> {
    while (position >= this.#bytes.received) {
      if (this.#failure) throw this.#failure
      if (this.#hasEnded) return null
      const { promise } = this.#changed
      this.#wanted.resolve()
      await promise
    }
    if (this.#failure) throw this.#failure
    try {
      return await this.#bytes.read(position)
    } catch (error) {
      this.#warn(error, "what a download has written could not be read")
      return null
    }
  }

  /** The copy does not have the blob's bytes: found out by any number of readers, put back to work once. */
  drifted(state: "missing" | "corrupt"): Promise<StoredError> {
    this.#drift ??= drifted(this.#services, this.blob, this.location, state)
    return this.#drift
  }

  /** Bytes of the copy from `position`, by a request of its own. */
  async request(position: number, signal: AbortSignal): Promise<Readable> {
    const backend = await this.#services.backends.opened(this.location.backend)
    const range = position > 0 && { range: { start: position, end: this.blob.size } }
    return backend.get(this.location.key, { signal, ...range })
  }

  async #run(): Promise<void> {
    const { lifecycle } = this.#services
    const leave = lifecycle.enter()
    const close = (): void => this.#end(abortError(lifecycle.signal))
    lifecycle.signal.addEventListener("abort", close, { once: true })
    try {
      lifecycle.requireOpen()
      const remote = await until(this.#open(), this.#control.signal, dispose)
      this.#opened.resolve()
      await this.#carry(remote)
    } catch (error) {
      this.#fail(error)
      this.#opened.reject(this.#failure)
    } finally {
      lifecycle.signal.removeEventListener("abort", close)
      this.#hasEnded = true
      this.#onEnd()
      this.#wake()
      if (this.#readers === 0 || this.#failure) this.#close()
      leave()
    }
  }

  async #open(): Promise<Readable> {
    const { signal } = this.#control
    if (this.#unread) return (await this.#unread.content.begin(signal)).get(this.location.key, { signal })
    const backend = await this.#services.backends.opened(this.location.backend)
    const seen = await backend.stat(this.location.key, { signal })
    if (seen?.size !== this.blob.size) throw await this.drifted(seen ? "corrupt" : "missing")
    return backend.get(this.location.key, { signal })
  }

  /** Brings the bytes to the readers and into staging. */
  async #carry(remote: Readable): Promise<void> {
    const copy = new PassThrough({ highWaterMark: 1 << 18 })
    // `#keep` meets it, if it still listens.
    copy.on("error", () => {})
    const end = (): void => {
      remote.destroy(this.#failure!)
      copy.destroy(this.#failure!)
      this.#wanted.resolve()
    }
    this.#control.signal.addEventListener("abort", end, { once: true })
    remote.on("error", () => {})
    const kept = this.#keep(copy).catch((error: unknown) => this.#fail(error))
    try {
      throwIfAborted(this.#control.signal)
      for await (const chunk of remote) {
        await this.#pass(chunk as Buffer, copy)
        if (this.#failure) throw this.#failure
      }
      if (this.#bytes.received !== this.blob.size) throw await this.drifted("corrupt")
      await this.#identify()
      copy.end()
    } catch (error) {
      this.#fail(error)
    } finally {
      dispose(remote)
      await kept
    }
  }

  /** All bytes have come: those that nobody knew get their id, under which staging may have them. */
  async #identify(): Promise<void> {
    if (!this.#unread) return
    const hex = this.#unread.hasher.digest()
    await this.#unread.content.end(hex, this.#control.signal)
    this.#hex = hex
  }

  async #pass(chunk: Buffer, copy: PassThrough): Promise<void> {
    if (this.#bytes.received + chunk.length > this.blob.size) throw await this.drifted("corrupt")
    this.#unread?.hasher.update(chunk)
    this.#bytes.append(chunk)
    this.#wanted = Promise.withResolvers()
    this.#wake()
    if (!copy.destroyed && !copy.write(chunk)) await drained(copy)
    else if (copy.destroyed && this.#bytes.received < this.blob.size) await this.#wanted.promise
  }

  /** Where the bytes are good, the readers do not depend on staging: that it does not take them is told to the log only. */
  async #keep(copy: PassThrough): Promise<void> {
    const { staging, catalog, clock } = this.#services
    const { algorithm } = this
    const expect = this.#hex !== null && { expect: { [algorithm]: this.#hex } }
    try {
      const received = await staging.receive(
        { size: this.blob.size, once: true, read: () => copy },
        { algorithm, ...expect, durable: true, follow: (file) => this.#bytes.follow(file) },
      )
      try {
        const id = blobId(algorithm, this.#hex!)
        if (received.id !== id) throw new ConsistencyError("CORRUPT", `What was written of ${id} is ${received.id}.`)
        await catalog.commitStaged(id, clock.now())
      } finally {
        received.hold.release()
      }
    } catch (error) {
      if (this.#failure) return
      if (isStoredError(error) && error.code === "CHECKSUM_MISMATCH") return this.#fail(await this.drifted("corrupt"))
      this.#isCached = false
      this.#warn(error, "a remote read could not be cached")
      await this.#bytes.unfollow().catch((fault: unknown) => this.#warn(fault, "a followed file could not be closed"))
    } finally {
      copy.destroy()
    }
  }

  #fail(error: unknown): void {
    if (this.#failure) return
    this.#end(toStoredError(error))
    const { code } = this.#failure!
    if (code !== "CLOSED") this.#warn(this.#failure, "a download failed, and nothing of it is cached")
  }

  #end(failure: StoredError): void {
    if (this.#failure || this.#hasEnded) return
    this.#failure = failure
    this.#onEnd()
    this.#control.abort(failure)
    this.#wake()
  }

  #wake(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }

  #close(): void {
    this.#bytes.close().catch((error: unknown) => this.#warn(error, "a followed file could not be closed"))
  }

  #warn(error: unknown, what: string): void {
    const { backend, key } = this.location
    this.#services.log.warn({ id: this.blob.id, backend, key, error: toStoredError(error).toJSON() }, what)
  }
}

/** Ends a stream that nobody listens to any more. */
function dispose(stream: Readable): void {
  stream.on("error", () => {}).destroy()
}

function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle).off("close", settle)
      resolve()
    }
    stream.on("drain", settle).on("close", settle)
    if (stream.destroyed) settle()
  })
}
