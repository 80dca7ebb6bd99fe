/**
 * Staging on local disk: content files in cacache's layout, an intake log that makes small ones durable together, room kept under a limit.
 *
 * It puts its parts together and lends each verb what it needs; how a verb works stands in the file named for it. One process owns a
 * staging directory; the catalog's lock sees to that.
 *
 *   new ContentStaging({ directory: ".stored/staging", maxSize: 1e9, minFree: 64e6, evict: true, hashers, ledger: catalog, clock })
 */
import type { Readable } from "node:stream"
import type { BlobId } from "../core/blob-id.ts"
import type { BlobSource } from "../core/blob-source.ts"
import type { HasherFactory } from "../core/checksum.ts"
import type { Clock } from "../core/clock.ts"
import { StoredError, toStoredError } from "../core/error.ts"
import { ContentFiles } from "./content-files.ts"
import { DiskSpace } from "./disk-space.ts"
import { type Evicted, Evictor } from "./evictor.ts"
import { Holds } from "./holds.ts"
import { IntakeLog } from "./intake-log.ts"
import { keepBad } from "./keep-bad.ts"
import { contentFiles, type Layout, layoutOf } from "./layout.ts"
import { findLeftovers, removeLeftover } from "./leftovers.ts"
import { LogRetirement } from "./log-retirement.ts"
import { findSegments } from "./log-segment.ts"
import { examineDirectory, openDirectory } from "./open-directory.ts"
import { quarantine } from "./quarantine.ts"
import { type Content, checkContent, contentSource, type ReadOptions, readBuffer, readStream } from "./read-content.ts"
import { type ReceiveParts, receive, type StageFile } from "./receive.ts"
import { recoverable, recoverSegment } from "./recover.ts"
import { Room } from "./room.ts"
import { stageFile } from "./stage-file.ts"
import type {
  ContentCheck,
  EvictionLedger,
  EvictTarget,
  Hold,
  Leftover,
  Received,
  ReceiveOptions,
  RecoveryReport,
  Staging,
  StagingStats,
} from "./staging.ts"
import { TemporaryFiles } from "./temporary-files.ts"

export interface ContentStagingOptions {
  directory: string
  /** bytes of content; null is no limit */
  maxSize: number | null
  /** bytes that stay free on its disk */
  minFree: number
  /** whether content may be dropped for room */
  evict: boolean
  hashers: HasherFactory
  ledger: EvictionLedger
  clock: Clock
  /** copies large files on another thread; absent: here */
  stageFile?: StageFile
  /**
   * For a doctor. `examine`: nothing is made, written or removed, and content that the intake log would give back counts as there; nothing can be
   * received. `treat`: as usual, but what was left behind stays until it is removed by name.
   */
  visit?: "examine" | "treat"
  /** told what failed in the background; nothing is lost by it */
  onTrouble?(error: StoredError): void
}

/** At the end so many records are let go at once; more are left to the next start, which has them verified and synced in the background. */
const RETIRE_AT_CLOSE = 1024

export class ContentStaging implements Staging {
  readonly #options: ContentStagingOptions
  readonly #layout: Layout
  readonly #temporary: TemporaryFiles
  readonly #files: ContentFiles
  readonly #holds: Holds
  readonly #evictor: Evictor
  readonly #room: Room
  readonly #space: DiskSpace
  readonly #retirement: LogRetirement
  /** present from `recover` until `close` */
  #receive: ReceiveParts | null = null
  #oldSegments: { number: number; path: string }[] = []
  /** while it is only examined: what the next start would give back */
  readonly #recoverable = new Set<BlobId>()
  #hits = 0
  #misses = 0

  constructor(options: ContentStagingOptions) {
    const { ledger, maxSize, minFree, evict } = options
    this.#options = options
    this.#layout = layoutOf(options.directory)
    this.#temporary = new TemporaryFiles(this.#layout.temporary)
    this.#files = new ContentFiles(this.#layout, this.#temporary)
    this.#holds = new Holds((id) => {
      this.remove(id).catch((error: unknown) => this.#trouble(error))
    })
    this.#evictor = new Evictor(ledger, this.#holds, (id) => this.#files.remove(id), maxSize)
    this.#space = new DiskSpace(this.#layout.root, minFree)
    this.#room = new Room({ maxSize, evict, ledger, evictor: this.#evictor, space: this.#space })
    this.#retirement = new LogRetirement({ files: this.#files, onTrouble: (error) => this.#trouble(error) })
  }

  async open(): Promise<void> {
    if (this.#options.visit === "examine") await examineDirectory(this.#layout)
    else await openDirectory(this.#layout)
    this.#oldSegments = await findSegments(this.#layout.log)
  }

  async recover(wants: (id: BlobId) => boolean): Promise<RecoveryReport> {
    const { hashers, visit } = this.#options
    if (visit === "examine") return this.#examineLog(wants)
    const swept = visit ? 0 : await this.#temporary.sweep()
    let restored = 0
    const parts = { files: this.#files, hashers, retirement: this.#retirement }
    for (const { path } of this.#oldSegments) restored += await recoverSegment(parts, path, wants)
    this.#receive ??= this.#receiveParts((this.#oldSegments.at(-1)?.number ?? 0) + 1)
    this.#oldSegments = []
    return { restored, swept }
  }

  async #examineLog(wants: (id: BlobId) => boolean): Promise<RecoveryReport> {
    for (const { path } of this.#oldSegments) {
      for (const id of await recoverable(this.#options.hashers, path, wants)) this.#recoverable.add(id)
    }
    return { restored: 0, swept: 0 }
  }

  /** Finishes what is being flushed. Receives that are still reading their source are refused when they come to it. */
  async close(): Promise<void> {
    const log = this.#receive?.log
    this.#receive = null
    if (!log) return
    await log.close()
    try {
      if (this.#retirement.records <= RETIRE_AT_CLOSE) await this.#retirement.retireAll()
    } catch (error) {
      // The segments are still there, and the next start recovers from them.
      this.#trouble(error)
    } finally {
      await this.#retirement.close()
    }
  }

  async receive(source: BlobSource, options: ReceiveOptions): Promise<Received> {
    if (!this.#receive) throw new StoredError("CLOSED", "Staging is not open.")
    return receive(this.#receive, source, options)
  }

  async source(id: BlobId, size: number): Promise<BlobSource | null> {
    const state = this.#files.state(id)
    return state?.size === BigInt(size) ? contentSource(this.#content(id, size)) : null
  }

  read(id: BlobId, size: number, options: ReadOptions = {}): Promise<Readable> {
    return readStream(this.#content(id, size), options)
  }

  readBuffer(id: BlobId, size: number, options: ReadOptions = {}): Promise<Buffer> {
    return readBuffer(this.#content(id, size), options)
  }

  async check(id: BlobId, size: number, { signal }: { signal?: AbortSignal } = {}): Promise<ContentCheck> {
    const found = await checkContent(this.#content(id, size), signal)
    return this.#recoverable.has(id) ? "good" : found
  }

  hold(id: BlobId): Hold {
    return this.#holds.take(id)
  }

  quarantine(id: BlobId): Promise<void> {
    this.#files.stamps.forget(id)
    const { hashers, clock } = this.#options
    return quarantine(
      { id, path: this.#files.path(id), directory: this.#layout.quarantine, time: clock.now() },
      hashers,
    )
  }

  keepBad(id: BlobId, bytes: Readable, options: { size: number; from: string; signal?: AbortSignal }): Promise<string> {
    const { quarantine: directory } = this.#layout
    const time = this.#options.clock.now()
    return keepBad({ id, bytes, ...options, directory, time }, { temporary: this.#temporary, space: this.#space })
  }

  discard(id: BlobId): Promise<boolean> {
    return this.#evictor.discard(id)
  }

  async remove(id: BlobId): Promise<boolean> {
    const removed = await this.#holds.removing(id, () => this.#files.remove(id))
    return removed !== null
  }

  async *list(): AsyncGenerator<{ id: BlobId; size: number; path: string }> {
    for await (const { id, path } of contentFiles(this.#layout)) {
      const state = this.#files.state(id)
      if (state) yield { id, size: Number(state.size), path }
    }
  }

  leftovers(): AsyncIterable<Leftover> {
    return findLeftovers(this.#layout, (path) => this.#temporary.isInUse(path))
  }

  removeLeftover(leftover: Leftover): Promise<void> {
    return removeLeftover(leftover)
  }

  countHit(): void {
    this.#hits += 1
  }

  countMiss(): void {
    this.#misses += 1
  }

  stats(): StagingStats {
    const { bytes, entries, pinnedBytes } = this.#options.ledger.usage()
    const { maxSize } = this.#options
    return { size: bytes, entries, hits: this.#hits, misses: this.#misses, pinned: pinnedBytes, maxSize }
  }

  evict(what: EvictTarget): Promise<Evicted> {
    return this.#evictor.evict(what)
  }

  #receiveParts(firstSegment: number): ReceiveParts {
    const { hashers } = this.#options
    const log = new IntakeLog({
      directory: this.#layout.log,
      retirement: this.#retirement,
      firstSegment,
      onTrouble: (error) => this.#trouble(error),
    })
    return {
      files: this.#files,
      temporary: this.#temporary,
      holds: this.#holds,
      room: this.#room,
      log,
      retirement: this.#retirement,
      hashers,
      stageFile: this.#options.stageFile ?? ((task, { signal }) => stageFile(task, hashers, signal)),
    }
  }

  #content(id: BlobId, size: number): Content {
    return { id, size, path: this.#files.path(id), hashers: this.#options.hashers }
  }

  #trouble(error: unknown): void {
    this.#options.onTrouble?.(toStoredError(error))
  }
}
