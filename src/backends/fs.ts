/**
 * The `fs` driver: a directory of this host, one file a key. Files are whole or absent at every moment, durable once put, and carry the
 * modification time and permission bits they are given. Nothing outside the root is read or written: keys cannot climb, and symbolic links
 * are not followed, or, with `scan.symlinks: "follow"`, for reading only and where what they lead to lies in the root.
 *
 *     { "driver": "fs", "root": "./data", "watch": true }
 *
 * `durable: false` leaves out every fsync: for a root that can be made again. The root is made where it is missing at the first opening; later it must be
 * the one that it was (`fs/identity.ts`).
 */
import { dirname, join } from "node:path"
import type { Readable } from "node:stream"
import type { FSWatcher } from "chokidar"
import * as z from "zod"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from "../core/checksum.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { MAX_KEY_BYTES } from "../core/key.ts"
import { keyTemplateSchema } from "../core/key-template.ts"
import { rateLimitSchema } from "../core/rate-limit.ts"
import { backendModeSchema, SCAN_SECRET_FIELDS, scanSchema } from "../core/scan-settings.ts"
import { validateSchema } from "../core/validate-settings.ts"
import {
  type BackendCapabilities,
  type BackendEntry,
  type BackendListOptions,
  type BackendOpenOptions,
  type BackendPutOptions,
  type BackendServices,
  type BackendStat,
  type CallOptions,
  StorageBackend,
  type WatchListener,
  type WatchOptions,
} from "./backend.ts"
import type { Driver } from "./driver.ts"
import { ChangeTimes } from "./fs/change-times.ts"
import { checksumFile, type Observed } from "./fs/checksum.ts"
import { deleteFile } from "./fs/delete.ts"
import { Directories } from "./fs/directories.ts"
import { fsError } from "./fs/error.ts"
import { asLinked, realPath, throughLinks } from "./fs/follow.ts"
import { listFiles } from "./fs/list.ts"
import { probeMask } from "./fs/mask.ts"
import { foldsNames } from "./fs/names.ts"
import { placeOf } from "./fs/place.ts"
import { type PutParts, putFile } from "./fs/put.ts"
import { readFile, statFile } from "./fs/read.ts"
import { Root } from "./fs/root.ts"
import { Temporaries } from "./fs/temporary.ts"
import { MOST_ENTRIES, watchFiles } from "./fs/watch.ts"
import { tellSkips } from "./tell-skips.ts"
import { Turns } from "./turns.ts"

const schema = z.strictObject({
  driver: z.literal("fs"),
  /** directory that holds the files; relative to the working directory */
  root: z
    .string("name the directory that holds the files")
    .min(1, "name the directory that holds the files")
    .refine((root) => !root.includes("\0"), "a path has no NUL"),
  watch: z.boolean().optional(),
  /** files and directories with which it is watched at most; a larger one relies on scans */
  watchEntries: z.int().min(1).optional(),
  concurrency: z.int().min(1).max(256).optional(),
  rateLimit: rateLimitSchema.optional(),
  keyTemplate: keyTemplateSchema.optional(),
  mode: backendModeSchema.optional(),
  scan: scanSchema.optional(),
  validate: validateSchema.optional(),
  durable: z.boolean().default(true),
})

export type FsConfig = z.input<typeof schema>

export const fsDriver: Driver = {
  driver: "fs",
  schema,
  secretFields: SCAN_SECRET_FIELDS,
  pathFields: ["root"],
  create: (config, services) => new FsBackend(schema.parse(config), services),
}

const DELETE_AT_ONCE = 16

interface Opened extends PutParts {
  root: Root
  readOnly: boolean
}

export class FsBackend extends StorageBackend {
  readonly driver = "fs"
  readonly capabilities: BackendCapabilities = {
    local: true,
    watch: true,
    range: true,
    checksums: CHECKSUM_ALGORITHMS,
    maxKeyBytes: MAX_KEY_BYTES,
    hierarchicalKeysConflict: true,
  }
  /** only where the root's file system is of a kind that must be reckoned with */
  declare abilities?: JsonObject
  declare identity?: JsonObject
  readonly #config: FsConfig
  readonly #services: BackendServices
  readonly #watchers = new Set<FSWatcher>()
  readonly #changeTimes = new ChangeTimes()
  #opened: Opened | null = null

  constructor(config: FsConfig, services: BackendServices) {
    super()
    this.#config = config
    this.#services = services
  }

  override async open({ signal, readOnly = false, place }: BackendOpenOptions = {}): Promise<void> {
    throwIfAborted(signal)
    const durable = this.#config.durable ?? true
    const isFound = readOnly || (place !== undefined && place.as !== "new")
    const root = isFound ? await Root.find(this.#config.root, place) : await Root.open(this.#config.root, durable)
    const directories = new Directories(root)
    const temporaries = new Temporaries(directories)
    try {
      // A root that cannot be written can still be read: puts will say why they fail.
      const mask = readOnly ? null : await probeMask(temporaries)
      if (mask !== null) await temporaries.sweep()
      directories.foldsNames = await foldsNames(directories, mask === null ? null : temporaries)
      if (place) this.identity = { ...(await root.identify(place, { writable: mask !== null, durable })) }
      this.#opened?.directories.close()
      if (directories.foldsNames) this.abilities = { foldsNames: true }
      else delete this.abilities
      const turns = new Turns()
      this.#opened = { root, directories, temporaries, turns, durable, mask, readOnly }
    } catch (error) {
      directories.close()
      throw fsError(error, `open the root "${this.#config.root}"`)
    }
  }

  override async close(): Promise<void> {
    this.#opened?.directories.close()
    this.#opened = null
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    await Promise.all(watchers.map((watcher) => watcher.close()))
  }

  override put(key: string, source: BlobSource, options: BackendPutOptions = {}): Promise<{ key: string }> {
    return this.#call("write", key, options.signal, async (parts) => {
      this.#requireWritable(parts)
      await putFile(parts, key, source, options)
      return { key }
    })
  }

  override get(key: string, options: CallOptions & { range?: ByteRange } = {}): Promise<Readable> {
    return this.#call("read", key, options.signal, ({ directories, root }) =>
      this.#following(root, key, (real) => readFile(directories, real, options)),
    )
  }

  override stat(key: string, options: CallOptions = {}): Promise<BackendStat | null> {
    return this.#call("look at", key, options.signal, ({ directories, root }) =>
      this.#following(root, key, async (real) => {
        const found = await statFile(directories, real)
        return found && real !== key ? asLinked(found) : found
      }),
    )
  }

  override delete(key: string, options: CallOptions = {}): Promise<void> {
    return this.#call("delete", key, options.signal, async (parts) => {
      this.#requireWritable(parts)
      await deleteFile(parts.directories, key, parts.durable)
    })
  }

  /** Several at once, so that removals in one directory share their fsync. Every key is tried; the first error is thrown afterwards. */
  override async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_AT_ONCE) {
      const batch = keys.slice(start, start + DELETE_AT_ONCE)
      const results = await Promise.allSettled(batch.map((key) => this.delete(key, options)))
      for (const result of results) if (result.status === "rejected") throw result.reason
    }
  }

  override async *list(options: BackendListOptions = {}): AsyncGenerator<BackendEntry> {
    const { directories, root } = this.#parts()
    const onSkip = tellSkips(this.#services, options)
    throwIfAborted(options.signal)
    try {
      yield* listFiles({ directories, onSkip, follow: this.#follows ? root.path : null }, options)
    } catch (error) {
      throw fsError(error, `list "${options.prefix ?? ""}"`)
    }
  }

  override checksum(key: string, algorithm: ChecksumAlgorithm, options: CallOptions = {}): Promise<Observed | null> {
    const { hashers } = this.#services
    return this.#call("read", key, options.signal, ({ directories, root }) =>
      this.#following(root, key, (real) => checksumFile(directories, hashers, real, algorithm, options.signal)),
    )
  }

  override pathOf(key: string): string {
    const { dir, name } = placeOf(key)
    const { path } = this.#parts().root
    return this.#follows ? realPath(path, key) : join(path, dir, name)
  }

  /** @throws StoredError INVALID_KEY, CLOSED */
  override async keepsChangeTimes(key: string): Promise<boolean> {
    try {
      return await this.#changeTimes.areKept(dirname(this.pathOf(key)))
    } catch (error) {
      throw fsError(error, `look at "${key}"`)
    }
  }

  /** The root is there, and is the one that it was. */
  override async healthCheck({ signal }: CallOptions = {}): Promise<void> {
    throwIfAborted(signal)
    await this.#parts().root.check({ now: true })
    await super.healthCheck({ ...(signal && { signal }) })
  }

  override async watch(
    listener: WatchListener,
    { signal, onEnd = () => {}, onMiss = () => {}, passesOver = () => false }: WatchOptions,
  ): Promise<void> {
    throwIfAborted(signal)
    const { root } = this.#parts()
    const onSkip = this.#services.onSkip ?? (() => {})
    await root.check({ now: true })
    const most = this.#config.watchEntries ?? MOST_ENTRIES
    const watcher = await watchFiles({ root: root.path, onSkip, onEnd, onMiss, passesOver, most }, listener, signal)
    this.#watchers.add(watcher)
    const end = (): void => {
      this.#watchers.delete(watcher)
      void watcher.close()
    }
    signal.addEventListener("abort", end, { once: true })
    if (signal.aborted) end()
  }

  get #follows(): boolean {
    return this.#config.scan?.symlinks === "follow"
  }

  #following<Result>(root: Root, key: string, use: (key: string) => Promise<Result>): Promise<Result> {
    return this.#follows ? throughLinks(root.path, key, use) : use(key)
  }

  async #call<T>(
    verb: string,
    key: string,
    signal: AbortSignal | undefined,
    run: (parts: Opened) => Promise<T>,
  ): Promise<T> {
    const parts = this.#parts()
    throwIfAborted(signal)
    try {
      return await run(parts)
    } catch (error) {
      throw fsError(error, `${verb} "${key}"`)
    }
  }

  #requireWritable({ readOnly }: Opened): void {
    if (!readOnly) return
    const message = `The backend on "${this.#config.root}" was opened to be read only; open it again to write.`
    throw new StoredError("READ_ONLY", message)
  }

  #parts(): Opened {
    if (this.#opened) return this.#opened
    throw new StoredError("CLOSED", `The backend on "${this.#config.root}" is not open; open it first.`)
  }
}
