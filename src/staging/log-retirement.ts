/**
 * Lets full log segments go. A segment is deleted only after every content file that its records stand for, and that is still there, is durable
 * by itself, with its name and its directories.
 *
 * That is done lazily: a minute later the kernel has written most of it back, and the syncs find little to do; sooner only where the log has
 * grown large. Stopped half way, it has changed nothing: the segment is still there, for next time or for recovery.
 */
import { unlink } from "node:fs/promises"
import type { BlobId } from "../core/blob-id.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import type { ContentFiles } from "./content-files.ts"
import { inLanes } from "./lanes.ts"
import { storageError } from "./system-error.ts"

export interface SealedSegment {
  readonly path: string
  readonly ids: readonly BlobId[]
  /** bytes */
  readonly length: number
}

export interface LogRetirementOptions {
  files: Pick<ContentFiles, "syncBytes" | "syncNames">
  onTrouble(error: StoredError): void
  /** ms that a sealed segment rests; absent: a minute */
  rest?: number
  /** bytes of sealed segments from which on none rests */
  maxBytes?: number
}

const REST_MS = 60_000
const MAX_BYTES = 256 * 2 ** 20
/** Beyond this, receives sync their content themselves until the log has shrunk. */
const FULL_BYTES = 1024 * 2 ** 20

export class LogRetirement {
  readonly #options: LogRetirementOptions
  readonly #rest: number
  #queue: { segment: SealedSegment; due: number }[] = []
  #working: Promise<void> | null = null
  #timer: NodeJS.Timeout | undefined
  #stopping = new AbortController()

  constructor(options: LogRetirementOptions) {
    this.#options = options
    this.#rest = options.rest ?? REST_MS
  }

  get isFull(): boolean {
    return this.#bytes() > FULL_BYTES
  }

  /** How many records wait. */
  get records(): number {
    return this.#queue.reduce((sum, { segment }) => sum + segment.ids.length, 0)
  }

  /** @param rested true for a segment of an earlier run */
  add(segment: SealedSegment, { rested = false } = {}): void {
    const soon = rested || segment.ids.length === 0
    this.#queue.push({ segment, due: performance.now() + (soon ? 0 : this.#rest) })
    this.#wake()
  }

  /** Lets all of them go now. @throws StoredError where one cannot go */
  async retireAll(): Promise<void> {
    await this.#stop()
    while (this.#queue.length > 0) await this.#retire(this.#queue[0]!.segment, new AbortController().signal)
  }

  /** Ends what runs in the background; the segments stay. */
  async close(): Promise<void> {
    await this.#stop()
    this.#queue = []
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopping.abort(new StoredError("CLOSED", "The store is closed."))
    await this.#working
    this.#stopping = new AbortController()
  }

  #bytes(): number {
    return this.#queue.reduce((sum, { segment }) => sum + segment.length, 0)
  }

  #wake(): void {
    if (this.#working) return
    clearTimeout(this.#timer)
    const next = this.#next()
    if (!next) return
    const delay = next.due - performance.now()
    if (delay > 0) this.#timer = setTimeout(() => this.#wake(), delay + 1).unref()
    else this.#working = this.#work(this.#stopping.signal)
  }

  #next(): { segment: SealedSegment; due: number } | null {
    const first = this.#queue.toSorted((a, b) => a.due - b.due)[0]
    if (!first) return null
    return this.#bytes() > (this.#options.maxBytes ?? MAX_BYTES) ? { ...first, due: 0 } : first
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let next = this.#next(); next && next.due <= performance.now() && !signal.aborted; next = this.#next()) {
      const { segment } = next
      try {
        await this.#retire(segment, signal)
      } catch (error) {
        if (signal.aborted) break
        // A second sync would say "fine" about bytes that the first has lost: the segment stays, for recovery to compare.
        this.#queue = this.#queue.filter((waiting) => waiting.segment !== segment)
        this.#options.onTrouble(storageError(error, "make logged content durable"))
      }
    }
    this.#working = null
    if (!signal.aborted) this.#wake()
  }

  async #retire(segment: SealedSegment, signal: AbortSignal): Promise<void> {
    const present: BlobId[] = []
    await inLanes(new Set(segment.ids), async (id) => {
      throwIfAborted(signal)
      if (await this.#options.files.syncBytes(id)) present.push(id)
    })
    await this.#options.files.syncNames(present, signal)
    throwIfAborted(signal)
    await unlink(segment.path)
    this.#queue = this.#queue.filter((waiting) => waiting.segment !== segment)
  }
}
