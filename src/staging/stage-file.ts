/**
 * Copies a local file into a staging file and hashes it on the way, reading it once. Fit for a worker thread: everything it needs is in its arguments, and
 * the task is plain data.
 *
 * Reading the next chunk, hashing this one and writing it happen at the same time, over two buffers of 1 MiB. A copy that must be durable is
 * flushed as it grows, so that the last flush has little left to do.
 */
import { constants } from "node:fs"
import type { ChecksumAlgorithm, Checksums, Hasher, HasherFactory } from "../core/checksum.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { close, fdatasync, fstat, fsync, open, readFully, writeAll } from "./system-calls.ts"
import { storageError } from "./system-error.ts"

export interface StageFileTask {
  /** the file to copy */
  source: string
  /** an empty file to copy it into */
  target: string
  /** bytes that it must have */
  size: number
  algorithms: ChecksumAlgorithm[]
  durable: boolean
}

export interface StagedFile {
  /** bytes */
  size: number
  checksums: Checksums
}

const CHUNK = 2 ** 20
const FLUSH_EVERY = 64 * 2 ** 20

/** @throws StoredError SOURCE_FAILED (retryable: it changed, or cannot be read), INVALID_INPUT, DISK_FULL, ABORTED, … */
export async function stageFile(
  task: StageFileTask,
  hashers: HasherFactory,
  signal?: AbortSignal,
): Promise<StagedFile> {
  const source = await openSource(task)
  try {
    const target = await open(task.target, "r+").catch((error: unknown) => {
      throw storageError(error, "open a temporary file")
    })
    try {
      return await copy(task, source, target, hashers, signal)
    } finally {
      await close(target)
    }
  } finally {
    await close(source)
  }
}

async function openSource({ source, size }: StageFileTask): Promise<number> {
  try {
    // Without O_NONBLOCK, opening a fifo would wait for a writer.
    const fd = await open(source, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const state = await fstat(fd)
      if (!state.isFile()) throw new StoredError("INVALID_INPUT", `"${source}" is not a regular file.`)
      if (state.size !== size) throw changed(source)
      return fd
    } catch (error) {
      await close(fd)
      throw error
    }
  } catch (error) {
    throw sourceError(error, source)
  }
}

async function copy(
  task: StageFileTask,
  source: number,
  target: number,
  hashers: HasherFactory,
  signal: AbortSignal | undefined,
): Promise<StagedFile> {
  const running = task.algorithms.map((algorithm): [ChecksumAlgorithm, Hasher] => [
    algorithm,
    hashers.create(algorithm),
  ])
  const flusher = new Flusher(target)
  let [current, spare] = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)]
  const fill = (buffer: Buffer, position: number): Promise<number> =>
    readFully(source, buffer, 0, CHUNK, position).catch((error: unknown) => {
      throw sourceError(error, task.source)
    })
  let position = 0
  try {
    for (let length = await fill(current, 0); length > 0; [current, spare] = [spare, current]) {
      throwIfAborted(signal)
      if (position + length > task.size) throw changed(task.source)
      const chunk = current.subarray(0, length)
      // Settled, not raced: a buffer must not be let go while a pool thread still reads or fills it.
      const both = Promise.allSettled([fill(spare, position + length), writeAll(target, chunk, position)])
      for (const [, hasher] of running) hasher.update(chunk)
      const [filled, written] = await both
      if (written.status === "rejected") throw storageError(written.reason, "write content")
      if (filled.status === "rejected") throw filled.reason
      position += length
      length = filled.value
      if (task.durable) flusher.wrote(chunk.length)
    }
    if (position !== task.size) throw changed(task.source)
    if (task.durable) await flusher.finish()
  } finally {
    await flusher.end()
  }
  return { size: position, checksums: Object.fromEntries(running.map(([name, hasher]) => [name, hasher.digest()])) }
}

/** Flushes a growing file in the background, one flush at a time. */
export class Flusher {
  readonly #fd: number
  #unflushed = 0
  #running: Promise<unknown> | null = null
  #failure: unknown = null

  constructor(fd: number) {
    this.#fd = fd
  }

  wrote(bytes: number): void {
    this.#unflushed += bytes
    if (this.#running || this.#unflushed < FLUSH_EVERY) return
    this.#unflushed = 0
    this.#running = fdatasync(this.#fd)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => {
        this.#running = null
      })
  }

  /** All of it is durable when it resolves. @throws StoredError also for a flush that failed on the way: a later one would not tell */
  async finish(): Promise<void> {
    await this.#running
    try {
      if (this.#failure) throw this.#failure
      await fsync(this.#fd)
    } catch (error) {
      throw storageError(error, "flush content to its disk")
    }
  }

  /** Waits for what runs, so that the file can be closed. */
  async end(): Promise<void> {
    await this.#running
  }
}

function changed(source: string): StoredError {
  return new StoredError(
    "SOURCE_FAILED",
    `"${source}" changed while it was read; put it again once nobody writes to it.`,
    {
      retryable: true,
    },
  )
}

function sourceError(error: unknown, source: string): StoredError {
  if (error instanceof StoredError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new StoredError("SOURCE_FAILED", `"${source}" cannot be read: ${message}.`, { retryable: true, cause: error })
}
