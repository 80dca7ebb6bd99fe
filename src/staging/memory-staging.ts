/**
 * Staging in memory: the twin that keeps the same contract, for tests of everything above it. Nothing is durable, nothing survives `close` of
 * the process; holds, room, eviction and verification are those of the real one.
 */
import { Readable } from "node:stream"
import { type BlobId, splitBlobId } from "../core/blob-id.ts"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import type { Checksums, HasherFactory } from "../core/checksum.ts"
import { ConsistencyError, NotFoundError, StoredError, throwIfAborted } from "../core/error.ts"
import { algorithmsOf, identify } from "./content-id.ts"
import { type Evicted, Evictor } from "./evictor.ts"
import { Holds } from "./holds.ts"
import { type Reservation, Room } from "./room.ts"
import { readSource } from "./source-reader.ts"
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

export interface MemoryStagingOptions {
  /** bytes of content; null is no limit */
  maxSize: number | null
  /** whether content may be dropped for room */
  evict: boolean
  hashers: HasherFactory
  ledger: EvictionLedger
}

type ReadOptions = NonNullable<Parameters<Staging["read"]>[2]>

export class MemoryStaging implements Staging {
  /** id → bytes; tests may damage them */
  readonly contents = new Map<BlobId, Buffer>()
  /** bad copies of elsewhere, by name */
  readonly kept = new Map<string, Buffer>()
  readonly #options: MemoryStagingOptions
  readonly #holds = new Holds((id) => this.contents.delete(id))
  readonly #evictor: Evictor
  readonly #room: Room
  #open = false
  #hits = 0
  #misses = 0

  constructor(options: MemoryStagingOptions) {
    this.#options = options
    const remove = async (id: BlobId): Promise<unknown> => this.contents.delete(id)
    this.#evictor = new Evictor(options.ledger, this.#holds, remove, options.maxSize)
    this.#room = new Room({ ...options, evictor: this.#evictor })
  }

  async open(): Promise<void> {}

  async recover(): Promise<RecoveryReport> {
    this.#open = true
    return { restored: 0, swept: 0 }
  }

  async close(): Promise<void> {
    this.#open = false
  }

  async receive(source: BlobSource, options: ReceiveOptions): Promise<Received> {
    if (!this.#open) throw new StoredError("CLOSED", "Staging is not open.")
    const bytes = Buffer.concat(await readSource(source, options))
    options.onHead?.(bytes)
    const checksums: Checksums = {}
    for (const algorithm of algorithmsOf(options)) checksums[algorithm] = this.#options.hashers.hash(algorithm, bytes)
    const id = identify(checksums, options)
    let reservation: Reservation | null = null
    const hold = await this.#holds.acquire(id, () => reservation?.release())
    try {
      const reused = this.contents.get(id)?.equals(bytes) ?? false
      if (!reused) {
        reservation = await this.#room.reserve(bytes.length)
        this.contents.set(id, bytes)
      }
      this.#holds.keep(id)
      return { id, size: bytes.length, checksums, reused, hold }
    } catch (error) {
      hold.release()
      throw error
    }
  }

  async source(id: BlobId, size: number): Promise<BlobSource | null> {
    const bytes = this.contents.get(id)
    if (bytes?.length !== size) return null
    return { size, read: (range) => streamOf(range ? bytes.subarray(range.start, range.end) : bytes) }
  }

  async read(id: BlobId, size: number, options: ReadOptions = {}): Promise<Readable> {
    return streamOf(await this.readBuffer(id, size, options))
  }

  async readBuffer(id: BlobId, size: number, options: ReadOptions = {}): Promise<Buffer> {
    throwIfAborted(options.signal)
    const bytes = this.contents.get(id)
    if (!bytes) throw new NotFoundError(`The content of ${id} is not in staging.`)
    const { range }: { range?: ByteRange } = options
    const verify = options.verify ?? !range
    if (bytes.length !== size || (verify && !this.#isGood(id, bytes))) {
      throw new ConsistencyError("CORRUPT", `The staged content of ${id} is not what it should be; read another copy.`)
    }
    return Buffer.from(range ? bytes.subarray(range.start, range.end) : bytes)
  }

  async check(id: BlobId, size: number, { signal }: { signal?: AbortSignal } = {}): Promise<ContentCheck> {
    throwIfAborted(signal)
    const bytes = this.contents.get(id)
    if (!bytes) return "missing"
    return bytes.length === size && this.#isGood(id, bytes) ? "good" : "corrupt"
  }

  hold(id: BlobId): Hold {
    return this.#holds.take(id)
  }

  async quarantine(id: BlobId): Promise<void> {
    const bytes = this.contents.get(id)
    if (bytes && !this.#isGood(id, bytes)) this.contents.delete(id)
  }

  async keepBad(id: BlobId, bytes: Readable, { from }: { from: string }): Promise<string> {
    const name = `${id.replace(":", "-")}-${from}-${this.kept.size}`
    this.kept.set(name, Buffer.concat(await bytes.toArray()))
    return name
  }

  discard(id: BlobId): Promise<boolean> {
    return this.#evictor.discard(id)
  }

  async remove(id: BlobId): Promise<boolean> {
    const removed = await this.#holds.removing(id, async () => this.contents.delete(id))
    return removed !== null
  }

  async *list(): AsyncGenerator<{ id: BlobId; size: number; path: string }> {
    for (const [id, bytes] of this.contents) yield { id, size: bytes.length, path: `memory:${id}` }
  }

  async *leftovers(): AsyncGenerator<Leftover> {}

  async removeLeftover(): Promise<void> {}

  countHit(): void {
    this.#hits += 1
  }

  countMiss(): void {
    this.#misses += 1
  }

  stats(): StagingStats {
    const { ledger, maxSize } = this.#options
    const { bytes, entries, pinnedBytes } = ledger.usage()
    return { size: bytes, entries, hits: this.#hits, misses: this.#misses, pinned: pinnedBytes, maxSize }
  }

  evict(what: EvictTarget): Promise<Evicted> {
    return this.#evictor.evict(what)
  }

  #isGood(id: BlobId, bytes: Buffer): boolean {
    const { algorithm, hex } = splitBlobId(id)
    return this.#options.hashers.hash(algorithm, bytes) === hex
  }
}

function streamOf(bytes: Buffer): Readable {
  return Readable.from(bytes.length > 0 ? [bytes] : [], { objectMode: false })
}
