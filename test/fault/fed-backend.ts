/** A memory backend that counts as remote, and whose reads the test feeds: as far as it likes, cut, or with other bytes. */
import { once } from "node:events"
import { readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { expect } from "vitest"
import type { CreateStoreOptions, OpenedStore } from "../../src/compose.ts"
import type { ByteRange } from "../../src/core/blob-source.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import { silentLog } from "../../src/store/log.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { bytesOf, expectHealthy, turns } from "./store-harness.ts"

const PIECE = 60_000

export interface Fed {
  /** reads of the backend so far, with the part that was asked for; `stream` as the backend gave it */
  reads: { range: ByteRange | undefined; stream: Readable }[]
  /** lets all reads go on up to this byte of the blob */
  allow(bytes: number): void
  /** where reads break off; absent: nowhere */
  cutAt: number | undefined
  /** what lies there instead */
  lie: Buffer | undefined
}

/** @param content of every blob on it; reads wait until they are allowed to go on */
export function feed(opened: OpenedStore, name: string, content: Buffer): Fed {
  const backend = memoryBackend(opened, name)
  Object.assign(backend.capabilities, { local: false })
  let allowed = 0
  let change = Promise.withResolvers<void>()
  const fed: Fed = {
    reads: [],
    allow: (bytes) => {
      allowed = bytes
      change.resolve()
      change = Promise.withResolvers()
    },
    cutAt: undefined,
    lie: undefined,
  }
  backend.get = async (_key, { range, signal } = {}) => {
    const bytes = (fed.lie ?? content).subarray(0, range?.end)
    let position = range?.start ?? 0
    const next = async (): Promise<Buffer | null> => {
      if (position >= bytes.length) return null
      if (fed.cutAt !== undefined && position >= fed.cutAt) throw new TransientAdapterError("The connection broke.")
      while (allowed <= position) await change.promise
      const end = Math.min(position + PIECE, allowed, fed.cutAt ?? bytes.length, bytes.length)
      const piece = bytes.subarray(position, end)
      position = end
      return piece
    }
    const stream = new Readable({
      read() {
        next().then(
          (piece) => this.push(piece),
          (error: Error) => this.destroy(error),
        )
      },
    })
    signal?.addEventListener("abort", () => stream.on("error", () => {}).destroy(signal.reason as Error))
    fed.reads.push({ range, stream })
    return stream
  }
  return fed
}

export async function ended({ services }: OpenedStore): Promise<void> {
  while (services.downloads.size > 0) await turns(1)
}

/** Nothing is under way, open or left behind. */
export async function expectNothingLeft(opened: OpenedStore & { directory: string }): Promise<void> {
  await ended(opened)
  const staging = join(opened.directory, "staging")
  await expect.poll(() => openFiles(staging)).toEqual([])
  expect(await readdir(join(staging, "tmp"))).toEqual([])
  await expectHealthy(opened)
}

/** Content and temporary files that this process has open. */
async function openFiles(staging: string): Promise<string[]> {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""))
  return (await Promise.all(links)).filter((path) => path.startsWith(staging) && !path.includes("/log/"))
}

export const SIZE = 3_000_000
export const CONTENT = bytesOf(1, SIZE)

export type Remote = OpenedStore & { directory: string; fed: Fed; id: string; warnings: string[] }

/** A blob `k` that lies on the fed backend `a`, and on `b`, and is not staged. */
export async function remote(config: StoreConfigInput = {}, content = CONTENT): Promise<Remote> {
  const warnings: string[] = []
  const log: CreateStoreOptions["log"] = {
    ...silentLog,
    warn: (_data: object, text?: string) => void warnings.push(text!),
  }
  const opened = await openTestStore(config, { log })
  const { id } = await opened.store.put(content, { key: "k", durability: "all" })
  await opened.store.cache.clear()
  return { ...opened, fed: feed(opened, "a", content), id, warnings }
}

export const isStaged = async ({ store }: OpenedStore): Promise<boolean | undefined> => (await store.stat("k"))?.staged

export const stream = (opened: OpenedStore, options = {}): Promise<Readable> =>
  opened.store.get("k", { ...options, stream: true })

/** The next so many bytes. */
export async function take(from: Readable, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  while (size < bytes) {
    const chunk = (from.read() as Buffer | null) ?? null
    if (chunk) {
      chunks.push(chunk)
      size += chunk.length
    } else await once(from, "readable")
  }
  return Buffer.concat(chunks)
}
