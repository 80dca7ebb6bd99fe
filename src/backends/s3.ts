/**
 * The `s3` driver: a bucket, or a folder of one, on AWS or any server that speaks its language. Objects are whole or absent at every moment. Large ones go in
 * parts, and go on where a crash broke them off. What the server can do is found out at the first opening (`abilities`) and obeyed: a copy is proven by the
 * server's own SHA-256 where it has one, by its ETag where that is the MD5 of the bytes, and otherwise by reading it back.
 *
 *     { "driver": "s3", "bucket": "my-bucket", "prefix": "stored", "credentials": {} }
 *     { "driver": "s3", "bucket": "b", "endpoint": "https://s3.example.org",
 *       "credentials": { "accessKeyId": "env:S3_KEY", "secretAccessKey": "file:/run/secrets/s3" } }
 *
 * Without credentials the SDK looks for its own. Modification times are the server's, in whole seconds; a given one is kept as metadata `mtime`.
 */
import type { Readable } from "node:stream"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import { isStoredError, StoredError, throwIfAborted } from "../core/error.ts"
import { SCAN_SECRET_FIELDS } from "../core/scan-settings.ts"
import {
  type BackendCapabilities,
  type BackendCopyOptions,
  type BackendEntry,
  type BackendListOptions,
  type BackendOpenOptions,
  type BackendPutOptions,
  type BackendPutResult,
  type BackendServices,
  type BackendStat,
  type CallOptions,
  type KnownContent,
  type PresignedAddress,
  type PresignOptions,
  StorageBackend,
} from "./backend.ts"
import type { Driver } from "./driver.ts"
import { Places } from "./prefix-places.ts"
import { keptAbilities, type S3Abilities, UNKNOWN_ABILITIES } from "./s3/abilities.ts"
import { copyObject } from "./s3/copy.ts"
import { resolveCredentials } from "./s3/credentials.ts"
import { deleteObject, deleteObjects } from "./s3/delete.ts"
import { listObjects } from "./s3/list.ts"
import { PartRoom } from "./s3/part-room.ts"
import { presign } from "./s3/presign.ts"
import { probe } from "./s3/probe.ts"
import { type PutParts, putObject } from "./s3/put.ts"
import { headObject, readObject } from "./s3/read.ts"
import { recogniseObject } from "./s3/recognise.ts"
import { openSession, type S3Session } from "./s3/session.ts"
import { type S3Config, type S3Settings, s3Schema } from "./s3/settings.ts"
import { Sweeper } from "./s3/sweeper.ts"
import { Uploads } from "./s3/uploads.ts"
import { tellSkips } from "./tell-skips.ts"

export type { S3Config } from "./s3/settings.ts"

export const s3Driver: Driver = {
  driver: "s3",
  schema: s3Schema,
  secretFields: [
    "credentials.accessKeyId",
    "credentials.secretAccessKey",
    "credentials.sessionToken",
    ...SCAN_SECRET_FIELDS,
  ],
  pathFields: [],
  create: (config, services) => new S3Backend(s3Schema.parse(config), services),
}

interface Opened extends PutParts {
  readOnly: boolean
  sweeper: Sweeper
}

export class S3Backend extends StorageBackend {
  readonly driver = "s3"
  readonly capabilities: BackendCapabilities
  readonly #settings: S3Settings
  readonly #services: BackendServices
  declare abilities?: S3Abilities
  declare refusesOver?: boolean
  declare vouches?: boolean
  #opened: Opened | null = null

  constructor(config: S3Config, services: BackendServices) {
    super()
    this.#settings = s3Schema.parse(config)
    this.#services = services
    const kept = keptAbilities(services.knownAbilities)
    if (kept) this.abilities = kept
    this.capabilities = {
      local: false,
      watch: false,
      range: true,
      checksums: [],
      maxKeyBytes: new Places(this.#settings.prefix).maxKeyBytes,
      hierarchicalKeysConflict: false,
    }
  }

  override async open({ signal, readOnly = false }: BackendOpenOptions = {}): Promise<void> {
    throwIfAborted(signal)
    const credentials = await resolveCredentials(this.#settings)
    const abilities = this.abilities ?? UNKNOWN_ABILITIES
    const session = await openSession(
      this.#settings,
      credentials,
      abilities,
      this.#services.hashers,
      this.#services.endpoints,
    )
    try {
      if (readOnly || this.abilities) await checkBucket(session, signal)
      else session.abilities = await probe(session, signal)
    } catch (error) {
      session.close()
      throw error
    }
    await this.close()
    if (!readOnly) this.abilities = session.abilities
    this.#heed(session.abilities)
    const { partSize, partsAtOnce } = this.#settings
    const uploads = new Uploads(session)
    const sweeper = new Sweeper(uploads)
    this.#opened = { session, uploads, sweeper, readOnly, room: new PartRoom(partSize * partsAtOnce, partSize) }
    if (!readOnly) sweeper.sweepSoon()
  }

  override async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    await opened?.sweeper.stop()
    opened?.session.close()
  }

  override async put(key: string, source: BlobSource, options: BackendPutOptions = {}): Promise<BackendPutResult> {
    const opened = this.#writable(options.signal)
    opened.sweeper.sweepSoon()
    const etag = await putObject(opened, key, source, options)
    return { key, ...(etag !== undefined && { etag }) }
  }

  override async get(key: string, options: CallOptions & { range?: ByteRange } = {}): Promise<Readable> {
    return readObject(this.#usable(options.signal).session, key, options)
  }

  override async stat(key: string, { signal }: CallOptions = {}): Promise<BackendStat | null> {
    const head = await headObject(this.#usable(signal).session, key, signal)
    if (!head) return null
    const { claims: _, ...stat } = head
    return stat
  }

  override async delete(key: string, options: CallOptions = {}): Promise<void> {
    const { session, uploads } = this.#writable(options.signal)
    await deleteObject(session, uploads, key, options)
  }

  override async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const { session, uploads } = this.#writable(options.signal)
    await deleteObjects(session, uploads, keys, options)
  }

  override async *list(options: BackendListOptions = {}): AsyncGenerator<BackendEntry> {
    const { session } = this.#usable(options.signal)
    yield* listObjects(session, tellSkips(this.#services, options), options)
  }

  override async recognise(
    key: string,
    content: KnownContent,
    source: () => Promise<BlobSource>,
    { signal }: CallOptions = {},
  ): Promise<"same" | "other" | "unknown"> {
    const { session, uploads, readOnly } = this.#usable(signal)
    const found = await recogniseObject(session, key, content, source, signal)
    // The answer to the end of its upload was lost: the note about it is still there.
    if (found === "same" && !readOnly) await uploads.supersede(session.places.objectKey(key), signal)
    return found
  }

  override async copy(from: string, to: string, options: BackendCopyOptions): Promise<BackendPutResult> {
    const { session, uploads } = this.#writable(options.signal)
    const etag = await copyObject(session, uploads, from, to, options)
    return { key: to, ...(etag !== undefined && { etag }) }
  }

  override async presign(method: "GET" | "PUT", key: string, options: PresignOptions = {}): Promise<PresignedAddress> {
    const opened = method === "PUT" ? this.#writable(options.signal) : this.#usable(options.signal)
    return presign(opened.session, method, key, options)
  }

  /** One that was opened to be read only stays as it is known. */
  override async probe({ signal }: CallOptions = {}): Promise<void> {
    const { session, readOnly } = this.#usable(signal)
    if (readOnly) return
    this.abilities = session.abilities = await probe(session, signal)
    this.#heed(session.abilities)
  }

  override async healthCheck({ signal }: CallOptions = {}): Promise<void> {
    await checkBucket(this.#usable(signal).session, signal)
  }

  /** Aborts uploads of this backend that nobody has gone on with for `olderThan` ms; how many. */
  async sweep({ signal, olderThan }: CallOptions & { olderThan?: number } = {}): Promise<number> {
    return this.#writable(signal).uploads.sweep(signal, olderThan)
  }

  #heed({ ifAbsent, sha256 }: S3Abilities): void {
    this.refusesOver = ifAbsent
    this.vouches = sha256
  }

  #writable(signal: AbortSignal | undefined): Opened {
    const opened = this.#usable(signal)
    if (!opened.readOnly) return opened
    const message = `The backend on bucket "${this.#settings.bucket}" was opened to be read only; open it again to write.`
    throw new StoredError("READ_ONLY", message)
  }

  #usable(signal: AbortSignal | undefined): Opened {
    if (!this.#opened) {
      throw new StoredError("CLOSED", `The backend on bucket "${this.#settings.bucket}" is not open; open it first.`)
    }
    throwIfAborted(signal)
    return this.#opened
  }
}

/** Whether the bucket answers: listed rather than asked for its head, whose refusals have no names. */
async function checkBucket(session: S3Session, signal: AbortSignal | undefined): Promise<void> {
  const { sdk, client, bucket, places } = session
  const command = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: places.root, MaxKeys: 1 })
  try {
    await session.call({ what: `use bucket "${bucket}"`, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
  } catch (error) {
    // Credentials that may write and not list are no fault of the bucket.
    if (!isStoredError(error) || error.code !== "PERMISSION_DENIED" || error.details.error !== "AccessDenied")
      throw error
  }
}
