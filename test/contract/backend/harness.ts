/**
 * What the cases of the backend suite share: how a backend under test is made, sources of every temper, and readers. A driver's quirks are
 * options here, each with its reason; a case is never left out silently.
 */
import { Readable } from "node:stream"
import { expect } from "vitest"
import type { BackendListOptions, StorageBackend } from "../../../src/backends/backend.ts"
import type { BlobSource } from "../../../src/core/blob-source.ts"
import { type ErrorCode, isStoredError, StoredError } from "../../../src/core/error.ts"

export interface BackendUnderTest {
  backend: StorageBackend
  /** closes the backend and removes what it held */
  dispose(): Promise<void>
  /** names of files that failed writes left behind anywhere */
  litter(): Promise<string[]>
  /** the permission bits of a copy; absent: the driver keeps none */
  modeOf?(key: string): Promise<number>
}

export type SuiteGroup =
  | "put"
  | "keys"
  | "get, stat, checksum, delete"
  | "list"
  | "batches and health"
  | "copies"
  | "opened to be read only"

export interface BackendSuite {
  name: string
  /** a fresh, empty, open backend */
  make(): Promise<BackendUnderTest>
  /** size of the largest blob that is tried, bytes, and why it is not 5 GiB where it is not */
  largest: { size: number; reason?: string }
  /** modification times, where they are not those that were given, to the ms; and why */
  times?: { given: boolean; precision: number; reason: string }
  /**
   * entries of the largest listings, where they are not 10,000; tries with any keys, where they are not 60; entries of the listing during which others come and
   * go, where they are not 300; and why
   */
  listing?: { entries: number; runs?: number; changes?: number; reason: string }
  /** how much of what is done many times is done, from 0 to 1; absent: all; and why */
  share?: { of: number; reason: string }
  /** most parts of a key that are tried, where they are not as many as a key can have; and why */
  parts?: { most: number; reason: string }
  /** the groups that are run, where it is not all of them: the others are shown as skipped; and why */
  only?: { groups: readonly SuiteGroup[]; reason: string }
}

/** As many as the suite is to do of so many, at least two. */
export function some({ share }: BackendSuite, count: number): number {
  return Math.max(2, Math.ceil(count * (share?.of ?? 1)))
}

/** Whether the suites of slow remotes do all that they can; how much `npm test` does of them, each says itself. */
export const DOES_ALL = process.env.STORED_DRIVER_SUITE === "all"

export const MIB = 2 ** 20
export const GIB = 2 ** 30

export function text(value: string): BlobSource {
  return bytes(Buffer.from(value))
}

/** A source that gives its bytes both ways. */
export function bytes(content: Uint8Array): BlobSource {
  return {
    size: content.byteLength,
    bytes: content,
    read: (range) => chunked(content.subarray(range?.start, range?.end)),
  }
}

/** A source that can only be streamed. @param declared the size it claims; absent: none */
export function streamed(content: Uint8Array, declared?: number): BlobSource {
  return { ...(declared !== undefined && { size: declared }), read: () => chunked(content) }
}

/** A source that breaks after its first bytes. */
export function failing(content: Uint8Array, error: Error): BlobSource {
  return {
    size: content.byteLength + 1,
    read: () =>
      Readable.from(
        (async function* () {
          yield content
          throw error
        })(),
        { objectMode: false },
      ),
  }
}

/** A source that gives its first bytes and then neither more nor an end. `reached` resolves once those bytes are taken. */
export function stalling(content: Uint8Array): { source: BlobSource; reached: Promise<void> } {
  const { promise: reached, resolve } = Promise.withResolvers<void>()
  let given = false
  const read = () =>
    new Readable({
      // Filled up by the content: asked again only when that was taken.
      highWaterMark: content.byteLength,
      read() {
        if (given) resolve()
        else this.push(content)
        given = true
      },
    })
  return { source: { size: content.byteLength + 10, read }, reached }
}

/** Bytes in which every position differs from its neighbours'. */
export function pattern(length: number, seed = 0): Buffer {
  const content = Buffer.allocUnsafe(length)
  for (let index = 0; index < length; index += 1) content[index] = (index * 31 + (index >> 8) * 17 + seed * 101) & 0xff
  return content
}

export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export async function contentOf(backend: StorageBackend, key: string): Promise<string> {
  return (await readAll(await backend.get(key))).toString()
}

export async function keysOf(backend: StorageBackend, options: BackendListOptions = {}): Promise<string[]> {
  const keys: string[] = []
  for await (const entry of backend.list(options)) keys.push(entry.key)
  return keys
}

/** Puts small files under all keys, many at a time. */
export async function fill(backend: StorageBackend, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += 64) {
    await Promise.all(keys.slice(start, start + 64).map((key) => backend.put(key, text(key))))
  }
}

export function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** The StoredError that a promise rejects with, which must have this code and a sentence. */
export async function errorOf(promise: Promise<unknown>, code: ErrorCode): Promise<StoredError> {
  const error = await promise.then(
    () => new Error("resolved"),
    (reason: unknown) => reason,
  )
  expect(isStoredError(error) ? error.code : error).toBe(code)
  if (!(error instanceof StoredError)) throw error
  expect(error.message.length).toBeGreaterThan(10)
  return error
}

function chunked(content: Uint8Array): Readable {
  const pieces = Array.from({ length: Math.ceil(content.byteLength / 50_000) }, (_, index) =>
    content.subarray(index * 50_000, (index + 1) * 50_000),
  )
  return Readable.from(pieces, { objectMode: false })
}
