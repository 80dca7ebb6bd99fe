/**
 * The `memory` driver: blobs in this process, gone with it. The twin of the real drivers: it passes the same suite, so tests of other parts can
 * use it instead of a disk, and make it fail where they like with `intercept`.
 *
 *     { "driver": "memory" }
 */
import { Readable } from "node:stream"
import * as z from "zod"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from "../core/checksum.ts"
import { ConflictError, NotFoundError, StoredError, throwIfAborted } from "../core/error.ts"
import { keyFault, MAX_KEY_BYTES } from "../core/key.ts"
import { keyTemplateSchema } from "../core/key-template.ts"
import { rateLimitSchema } from "../core/rate-limit.ts"
import { backendModeSchema, SCAN_SECRET_FIELDS, scanSchema } from "../core/scan-settings.ts"
import { validateSchema } from "../core/validate-settings.ts"
import {
  type BackendCapabilities,
  type BackendCopyOptions,
  type BackendEntry,
  type BackendListOptions,
  type BackendOpenOptions,
  type BackendPutOptions,
  type BackendServices,
  type BackendStat,
  type CallOptions,
  StorageBackend,
} from "./backend.ts"
import type { Driver } from "./driver.ts"
import { toKeyBytes } from "./key-bytes.ts"
import { resolveRange } from "./range.ts"
import { sourcePieces } from "./source-pieces.ts"

const schema = z.strictObject({
  driver: z.literal("memory"),
  watch: z.boolean().optional(),
  concurrency: z.int().min(1).max(256).optional(),
  rateLimit: rateLimitSchema.optional(),
  keyTemplate: keyTemplateSchema.optional(),
  mode: backendModeSchema.optional(),
  scan: scanSchema.optional(),
  validate: validateSchema.optional(),
})

export const memoryDriver: Driver = {
  driver: "memory",
  schema,
  secretFields: SCAN_SECRET_FIELDS,
  pathFields: [],
  inProcess: true,
  create: (_config, services) => new MemoryBackend(services),
}

export type MemoryOperation = "open" | "put" | "get" | "stat" | "delete" | "list" | "checksum" | "copy"

export interface MemoryOptions {
  /**
   * For tests: called before each operation does anything, with the key (the prefix of a list, empty for `open`). What it throws, the operation
   * throws; while it waits, the operation waits.
   */
  intercept?(operation: MemoryOperation, key: string): Promise<void> | void
}

interface Entry {
  key: string
  bytes: Uint8Array
  modified: number
  version: number
}

const PIECE = 256 * 1024
const WRITES: readonly MemoryOperation[] = ["put", "delete", "copy"]

export class MemoryBackend extends StorageBackend {
  readonly driver = "memory"
  readonly capabilities: BackendCapabilities = {
    local: true,
    watch: false,
    range: true,
    checksums: CHECKSUM_ALGORITHMS,
    maxKeyBytes: MAX_KEY_BYTES,
    hierarchicalKeysConflict: false,
  }
  /** May be set and taken away at any time. */
  intercept: MemoryOptions["intercept"]
  readonly #services: BackendServices
  /** by the key's bytes, which sort as `list` must */
  readonly #entries = new Map<string, Entry>()
  #ordered: string[] | null = null
  #open = false
  #readOnly = false
  #version = 0

  constructor(services: BackendServices, options: MemoryOptions = {}) {
    super()
    this.#services = services
    this.intercept = options.intercept
  }

  override async open({ signal, readOnly = false }: BackendOpenOptions = {}): Promise<void> {
    throwIfAborted(signal)
    await this.intercept?.("open", "")
    this.#open = true
    this.#readOnly = readOnly
  }

  override async close(): Promise<void> {
    this.#open = false
  }

  override async put(key: string, source: BlobSource, options: BackendPutOptions = {}): Promise<{ key: string }> {
    await this.#begin("put", key, options.signal)
    const pieces: Uint8Array[] = []
    for await (const piece of sourcePieces(source, PIECE, options.signal)) pieces.push(piece)
    throwIfAborted(options.signal)
    this.#keep(key, Buffer.concat(pieces), options)
    return { key }
  }

  override async copy(from: string, to: string, options: BackendCopyOptions): Promise<{ key: string }> {
    await this.#begin("copy", to, options.signal)
    const entry = this.#find(from)
    if (!entry) throw absent(from)
    const { etag, size } = toStat(entry)
    if (etag !== options.proven.etag || size !== options.proven.size)
      throw new ConflictError(`"${from}" is no longer what was proven there.`, { retryable: true })
    this.#keep(to, entry.bytes, options)
    return { key: to }
  }

  override async get(key: string, options: CallOptions & { range?: ByteRange } = {}): Promise<Readable> {
    const { signal } = options
    const entry = await this.#begin("get", key, signal)
    if (!entry) throw absent(key)
    const { start, end } = resolveRange(options.range, entry.bytes.byteLength)
    return Readable.from(piecesOf(entry.bytes.subarray(start, end), signal), { objectMode: false })
  }

  override async stat(key: string, options: CallOptions = {}): Promise<BackendStat | null> {
    const entry = await this.#begin("stat", key, options.signal)
    return entry ? toStat(entry) : null
  }

  override async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#begin("delete", key, options.signal)
    if (this.#entries.delete(toKeyBytes(key))) this.#ordered = null
  }

  override async *list(options: BackendListOptions = {}): AsyncGenerator<BackendEntry> {
    const { signal, limit = Number.POSITIVE_INFINITY } = options
    const prefix = toKeyBytes(options.prefix ?? "")
    const after = toKeyBytes(options.after ?? "")
    this.#requireOpen()
    throwIfAborted(signal)
    await this.intercept?.("list", options.prefix ?? "")
    this.#ordered ??= [...this.#entries.keys()].sort()
    const ordered = this.#ordered
    let left = limit
    for (let next = firstAfter(ordered, after, prefix); next < ordered.length && left > 0; next += 1) {
      throwIfAborted(signal)
      if (!ordered[next]!.startsWith(prefix)) return
      const entry = this.#entries.get(ordered[next]!)
      if (!entry) continue
      left -= 1
      yield { key: entry.key, ...toStat(entry) }
    }
  }

  override async checksum(
    key: string,
    algorithm: ChecksumAlgorithm,
    options: CallOptions = {},
  ): Promise<{ size: number; hex: string } | null> {
    const entry = await this.#begin("checksum", key, options.signal)
    if (!entry) return null
    return { size: entry.bytes.byteLength, hex: this.#services.hashers.hash(algorithm, entry.bytes) }
  }

  #keep(key: string, bytes: Uint8Array, { modified = Date.now() }: Pick<BackendPutOptions, "modified">): void {
    const place = toKeyBytes(key)
    if (!this.#entries.has(place)) this.#ordered = null
    this.#version += 1
    this.#entries.set(place, { key, bytes, modified: Math.round(modified), version: this.#version })
  }

  #find(key: string): Entry | undefined {
    const fault = keyFault(key)
    if (fault) throw new StoredError("INVALID_KEY", `Invalid key: ${fault}.`)
    return this.#entries.get(toKeyBytes(key))
  }

  /** What every operation begins with. Gives what lies under the key once the interceptor lets it pass. */
  async #begin(operation: MemoryOperation, key: string, signal: AbortSignal | undefined): Promise<Entry | undefined> {
    this.#requireOpen()
    this.#find(key)
    throwIfAborted(signal)
    if (this.#readOnly && WRITES.includes(operation)) throw readOnly()
    await this.intercept?.(operation, key)
    throwIfAborted(signal)
    return this.#find(key)
  }

  #requireOpen(): void {
    if (!this.#open) throw new StoredError("CLOSED", "The memory backend is not open; open it first.")
  }
}

function absent(key: string): NotFoundError {
  return new NotFoundError(`There is no "${key}" on this backend.`)
}

function readOnly(): StoredError {
  return new StoredError("READ_ONLY", "The memory backend was opened to be read only; open it again to write.")
}

function toStat(entry: Entry): BackendStat {
  return { size: entry.bytes.byteLength, modified: entry.modified, etag: String(entry.version) }
}

function* piecesOf(bytes: Uint8Array, signal: AbortSignal | undefined): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += PIECE) {
    throwIfAborted(signal)
    yield bytes.subarray(start, start + PIECE)
  }
}

/** The first index that lies after the cursor and not before the prefix, by halves. */
function firstAfter(ordered: readonly string[], after: string, prefix: string): number {
  let low = 0
  let high = ordered.length
  while (low < high) {
    const middle = (low + high) >> 1
    const each = ordered[middle]!
    if (each > after && each >= prefix) high = middle
    else low = middle + 1
  }
  return low
}
