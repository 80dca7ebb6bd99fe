/**
 * The `rclone` driver: any remote that rclone knows (SFTP, WebDAV, SMB, Azure, Google Drive …). What is put goes under a name of its own first
 * and is then moved, so that readers see the whole old or the whole new bytes, or, for the moment of a replacement, none.
 *
 *     { "driver": "rclone", "remote": "nas:backup/stored", "config": { "type": "sftp", "host": "nas", "user": "me", "pass": "env:NAS_PASSWORD" } }
 *     { "driver": "rclone", "remote": "drive:stored", "configFile": "/etc/stored/rclone.conf" }
 *
 * Modification times are the remote's own, in whole seconds on many. Copies are proven by reading them back.
 */
import { randomUUID } from "node:crypto"
import { Readable } from "node:stream"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import { Endpoints } from "../core/endpoints.ts"
import {
  isStoredError,
  NotFoundError,
  PermanentAdapterError,
  StoredError,
  TransientAdapterError,
  throwIfAborted,
} from "../core/error.ts"
import { MAX_KEY_BYTES } from "../core/key.ts"
import { SCAN_SECRET_FIELDS } from "../core/scan-settings.ts"
import {
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
import { Places } from "./prefix-places.ts"
import { resolveRange } from "./range.ts"
import { RcloneDaemon } from "./rclone/daemon.ts"
import { isBadRequest } from "./rclone/error.ts"
import { listedSchema, type RcloneItem, statedSchema, statOf, toDirectoryItem } from "./rclone/list.ts"
import { requireReach } from "./rclone/reach.ts"
import { command, read, unlessLocked, upload } from "./rclone/remote.ts"
import { RCLONE_SECRET_FIELDS, type RcloneSettings, rcloneSchema, toEnvironment } from "./rclone/settings.ts"
import { tellSkips } from "./tell-skips.ts"
import { Turns } from "./turns.ts"
import { unlessAbsent } from "./unless-absent.ts"
import { walkDirectories } from "./walk-directories.ts"

export const rcloneDriver: Driver = {
  driver: "rclone",
  schema: rcloneSchema,
  secretFields: [...RCLONE_SECRET_FIELDS, ...SCAN_SECRET_FIELDS],
  pathFields: ["configFile"],
  create: (config, services) => new RcloneBackend(rcloneSchema.parse(config), services),
}

/** ms after which nobody goes on with what lies in the folder of its own */
const ABANDONED_AFTER = 24 * 3_600_000
const CLEANING_LIMIT = 10_000

interface Opened {
  daemon: Promise<RcloneDaemon>
  start(): Promise<RcloneDaemon>
  readOnly: boolean
}

export class RcloneBackend extends StorageBackend {
  readonly driver = "rclone"
  readonly capabilities = {
    local: false,
    watch: false,
    range: true,
    checksums: [],
    maxKeyBytes: MAX_KEY_BYTES,
    hierarchicalKeysConflict: true,
  }
  readonly #settings: RcloneSettings
  readonly #services: BackendServices
  readonly #places = new Places("")
  /** rclone moves over a file by removing it first: nobody of this process looks for it in that moment, or moves another there */
  readonly #turns = new Turns()
  #opened: Opened | null = null

  constructor(settings: RcloneSettings, services: BackendServices) {
    super()
    this.#settings = settings
    this.#services = services
  }

  override async open({ signal, readOnly = false }: BackendOpenOptions = {}): Promise<void> {
    throwIfAborted(signal)
    const { environment, secrets } = await toEnvironment(this.#settings)
    const start = async (): Promise<RcloneDaemon> => {
      await requireReach(this.#settings, this.#services.endpoints ?? new Endpoints())
      return RcloneDaemon.start(environment, secrets)
    }
    const before = this.#opened
    const daemon = await start()
    this.#opened = { daemon: Promise.resolve(daemon), start, readOnly }
    try {
      if (!readOnly) await this.#do("operations/mkdir", { remote: "" }, signal)
      await this.#do("operations/list", { remote: "", opt: { filesOnly: true } }, signal)
      if (!readOnly) await this.#sweep(signal)
    } catch (error) {
      this.#opened = before
      await daemon.stop()
      throw error
    }
    await (await before?.daemon)?.stop()
  }

  override async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    await (await opened?.daemon)?.stop()
  }

  override async put(key: string, source: BlobSource, { signal }: BackendPutOptions = {}): Promise<{ key: string }> {
    const path = this.#place(key, signal, true)
    const [directory, name] = [this.#places.own.slice(0, -1), randomUUID()]
    const temporary = `${directory}/${name}`
    try {
      const target = { fs: this.#settings.remote, directory, name }
      await unlessLocked(async () => upload(await this.#running(), target, source, signal), signal)
      await this.#turns.take(key, () => this.#move(temporary, path, signal))
    } catch (error) {
      const limit = AbortSignal.timeout(CLEANING_LIMIT)
      // What cannot be removed now is swept; the first fault is the one to tell.
      await this.#do("operations/deletefile", { remote: temporary }, limit).catch(() => null)
      throw error
    }
    return { key }
  }

  override async get(key: string, { signal, range }: CallOptions & { range?: ByteRange } = {}): Promise<Readable> {
    const path = this.#place(key, signal)
    return this.#turns.take(key, async () => {
      const stat = await this.stat(key, signal && { signal })
      if (!stat) throw new NotFoundError(`There is no "${key}" on this backend.`)
      const wanted = resolveRange(range, stat.size)
      if (wanted.start === wanted.end) return Readable.from([], { objectMode: false })
      const { size, stream } = await read(await this.#running(), this.#settings.remote, path, wanted, signal)
      if (size === stat.size) return stream
      stream.destroy()
      throw new TransientAdapterError(`"${key}" was replaced while it was opened; read it again.`)
    })
  }

  override async stat(key: string, { signal }: CallOptions = {}): Promise<BackendStat | null> {
    const input = { remote: this.#place(key, signal), opt: { filesOnly: true, noMimeType: true } }
    const { item } = statedSchema.parse(await unlessAbsent(this.#do("operations/stat", input, signal), { item: null }))
    return item && statOf(item)
  }

  override async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    const remote = this.#place(key, signal, true)
    await this.#turns.take(key, () => unlessAbsent(this.#do("operations/deletefile", { remote }, signal), null))
  }

  override async *list(options: BackendListOptions = {}): AsyncGenerator<BackendEntry> {
    const { signal } = options
    const directory = async (path: string) => (await this.#directory(path, signal)).map(toDirectoryItem)
    const own = this.#places.own.slice(0, -1)
    this.#usable(signal)
    for await (const entry of walkDirectories({
      ...options,
      directory,
      own,
      onSkip: tellSkips(this.#services, options),
    })) {
      throwIfAborted(signal)
      yield entry
      throwIfAborted(signal)
    }
  }

  async #move(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
    // Some servers would let a file take the place of a directory, with everything in it.
    if ((await this.#directory(to, signal)).length > 0) {
      await this.#do("operations/rmdirs", { remote: to }, signal)
      if ((await this.#directory(to, signal)).length > 0) throw refused(to)
    }
    const { remote: fs } = this.#settings
    const move = () => this.#do("operations/movefile", { srcFs: fs, srcRemote: from, dstFs: fs, dstRemote: to }, signal)
    try {
      await move()
    } catch (error) {
      if ((await this.#fileAbove(to, signal)) !== null) throw refused(to)
      // Deletes leave empty directories: taking them away at once could take what is being put there.
      const isInWay = isStoredError(error) && error.code === "NOT_FOUND" && !(await this.stat(to, signal && { signal }))
      if (!isInWay) throw error
      await this.#do("operations/rmdirs", { remote: to }, signal)
      await move()
    }
  }

  async #directory(remote: string, signal: AbortSignal | undefined): Promise<RcloneItem[]> {
    const listing = this.#do("operations/list", { remote, opt: { noMimeType: true } }, signal)
    return listedSchema.parse(await unlessAbsent(listing, { list: [] })).list ?? []
  }

  async #sweep(signal: AbortSignal | undefined): Promise<void> {
    for (const item of await this.#directory(this.#places.own.slice(0, -1), signal)) {
      if (Date.now() - statOf(item).modified < ABANDONED_AFTER) continue
      const remote = this.#places.own + item.Name
      await unlessAbsent(this.#do("operations/deletefile", { remote }, signal), null)
    }
  }

  /** @throws StoredError NOT_FOUND too where a server calls a request bad (Apache: 400) because it goes on below a file */
  async #do(
    name: string,
    input: { remote?: string; [option: string]: unknown },
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const asked = { fs: this.#settings.remote, ...input }
    try {
      return await unlessLocked(async () => command(await this.#running(), name, asked, signal), signal)
    } catch (error) {
      const { remote = "" } = input
      const below = name === "operations/list" ? `${remote}/` : remote
      if (!isBadRequest(error) || (await this.#fileAbove(below, signal)) === null) throw error
      throw new NotFoundError(`There is no "${remote}" on this backend: it lies below a file.`, { cause: error })
    }
  }

  /** The file above which there are directories only, and below which the path lies; null where there is none. */
  async #fileAbove(path: string, signal: AbortSignal | undefined): Promise<string | null> {
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1))
      if (await this.stat(path.slice(0, end), signal && { signal })) return path.slice(0, end)
    return null
  }

  /** An rclone that was killed is started again. */
  async #running(): Promise<RcloneDaemon> {
    const opened = this.#usable(undefined)
    const { daemon } = opened
    const isGood = await daemon.then(
      ({ hasEnded }) => !hasEnded,
      () => false,
    )
    if (!isGood && opened.daemon === daemon) opened.daemon = opened.start()
    return opened.daemon
  }

  #place(key: string, signal: AbortSignal | undefined, isWrite = false): string {
    const { readOnly } = this.#usable(signal)
    const place = this.#places.objectKey(key)
    if (!isWrite || !readOnly) return place
    throw new StoredError(
      "READ_ONLY",
      `The backend on "${this.#settings.remote}" was opened to be read only; open it again to write.`,
    )
  }

  #usable(signal: AbortSignal | undefined): Opened {
    throwIfAborted(signal)
    if (this.#opened) return this.#opened
    throw new StoredError("CLOSED", `The backend on "${this.#settings.remote}" is not open; open it first.`)
  }
}

function refused(key: string): StoredError {
  return new PermanentAdapterError(
    "BACKEND_REFUSED",
    `"${key}" is a directory here, or lies below a file; choose another key.`,
  )
}
