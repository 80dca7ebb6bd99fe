/**
 * The smallest store that the HTTP routes can be tested on: a Map, no disk. It keeps the parts of the contract that routes rely on
 * (conditions, declared size and checksums, typed errors); the whole of it is tested elsewhere, on the real one.
 */
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { type BlobId, parseChecksumReference } from "../../src/core/blob-id.ts"
import { ConflictError, ConsistencyError, NotFoundError, StoredError } from "../../src/core/error.ts"
import { parseMetadata } from "../../src/core/json.ts"
import { parseKey, parsePrefix } from "../../src/core/key.ts"
import type { Metadata } from "../../src/core/metadata.ts"
import { openInput } from "../../src/store/input.ts"
import { mimeTypeFor } from "../../src/store/mime-type.ts"
import type { ListedObject, PutInput, PutOptions, Store } from "../../src/store/store.ts"

type Verbs = Pick<Store, "put" | "open" | "delete" | "deleteMany" | "list" | "stat" | "status">

interface Entry {
  metadata: Metadata
  bytes: Buffer
}

/** A store for routes; `overrides` replaces verbs, to make them fail. Anything else that is called does not exist. */
export function mapStore(overrides: Partial<Verbs> = {}): Store {
  const entries = new Map<string, Entry>()
  const find = (name: string): Entry | undefined =>
    parseChecksumReference(name)
      ? [...entries.values()].find(({ metadata }) => metadata.id === name)
      : entries.get(parseKey(name))
  const need = (name: string): Entry => {
    const entry = find(name)
    if (entry) return entry
    throw new NotFoundError(`There is no object "${name}".`)
  }

  const verbs: Verbs = {
    put: async (input, options = {}) => {
      if (options.backends?.some((name) => name !== "a")) {
        throw new StoredError("UNKNOWN_BACKEND", `There is no backend "${options.backends.join()}".`)
      }
      const bytes = await readAll(input, options)
      const hex = createHash("sha256").update(bytes).digest("hex")
      if (options.checksums?.sha256 !== undefined && options.checksums.sha256 !== hex) {
        throw new ConsistencyError("CHECKSUM_MISMATCH", "The source has another sha256 than declared.")
      }
      const key = options.key ?? `blobs/sha256/${hex}`
      const before = entries.get(parseKey(key))?.metadata
      const version = before?.version ?? 0
      if ((options.ifAbsent && before) || (options.ifVersion !== undefined && options.ifVersion !== version)) {
        throw new ConflictError(`"${key}" has version ${version}.`, { details: { version } })
      }
      const metadata = describe(key, `sha256:${hex}`, bytes, options, version + 1)
      entries.set(key, { metadata, bytes })
      return { ...metadata, key, isNew: before === undefined, satisfied: true }
    },
    open: async (name, options = {}) => {
      const { metadata, bytes } = need(name)
      const range = { start: options.range?.start ?? 0, end: options.range?.end ?? bytes.length }
      const stream = Readable.from(pieces(bytes.subarray(range.start, range.end)))
      return { metadata, range, servedFrom: "staging", stream }
    },
    delete: async (name, options = {}) => {
      const { metadata } = need(name)
      if (options.ifVersion !== undefined && options.ifVersion !== metadata.version) {
        throw new ConflictError("Another version.", { details: { version: metadata.version } })
      }
      entries.delete(String(metadata.key))
      return { id: metadata.id, deleted: ["a"], removed: ["a"], pending: [], failed: [] }
    },
    deleteMany: (keys) =>
      Promise.all(
        keys.map((key) =>
          verbs.delete(parseKey(key)).then(
            ({ id }) => ({ key, id: id! }),
            (error: StoredError) => ({ key, error: error.toJSON() }),
          ),
        ),
      ),
    async *list({ prefix, after = "", limit = Number.POSITIVE_INFINITY } = {}) {
      const wanted = parsePrefix(prefix)
      const keys = [...entries.keys()].sort().filter((key) => key.startsWith(wanted) && key > after)
      for (const key of keys.slice(0, limit)) yield toListed(entries.get(key)!.metadata)
    },
    stat: async (name) => find(name)?.metadata ?? null,
    status: () => ({
      state: "ready",
      objects: entries.size,
      blobs: entries.size,
      bytes: 0,
      staging: { size: 0, entries: 0, hits: 0, misses: 0, pinned: 0, maxSize: null },
      backends: [],
      queues: [],
      workers: [],
      redis: null,
      syncsCompleted: 0,
      syncsFailed: 0,
      lastSequence: 0,
    }),
    ...overrides,
  }
  // Nobody is asked for a token here.
  return { ...verbs, tokens: { isEmpty: () => true, verify: () => null } } as unknown as Store
}

async function readAll(input: PutInput, options: PutOptions): Promise<Buffer> {
  const opened = await openInput(input, { size: options.size, signal: options.signal })
  try {
    if (opened.source.bytes) return Buffer.from(opened.source.bytes)
    const bytes = Buffer.concat(await Array.fromAsync(opened.source.read()))
    if (options.size === undefined || bytes.length === options.size) return bytes
    throw new StoredError("SIZE_MISMATCH", `${bytes.length} bytes came, ${options.size} were declared.`)
  } finally {
    await opened.close()
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536)
}

function describe(key: string, id: BlobId, bytes: Buffer, options: PutOptions, version: number): Metadata {
  return {
    id,
    key,
    version,
    checksums: { sha256: id.slice(7) },
    checksumState: "complete",
    size: bytes.length,
    mimeType: mimeTypeFor({ explicit: options.mimeType, key, head: bytes }),
    locations: [],
    locationCount: 0,
    staged: true,
    state: "ACTIVE",
    created: Date.now(),
    modified: Date.now(),
    written: Date.now(),
    custom: parseMetadata(options.metadata),
  }
}

function toListed({ key, id, size, mimeType, version, created, modified }: Metadata): ListedObject {
  return { key: String(key), checksum: id, size, mimeType, version, created, modified }
}
