/**
 * Copies a local file into a staging file and hashes it on the way, reading it once. Fit for a worker thread: everything it needs is in its arguments, and
 * the task is plain data.
 *
 * Reading the next chunk, hashing this one and writing the last happen at the same time, over two or three buffers of 2 MiB. A large copy that must be
 * durable is written past the page cache.
 */
import { constants } from "node:fs"
import { AlignedBuffers } from "../core/aligned-buffers.ts"
import type { ChecksumAlgorithm, Checksums, Hasher, HasherFactory } from "../core/checksum.ts"
import { DIRECT_BYTES, DirectFile } from "../core/direct-file.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { pump } from "../core/pump.ts"
import { close, fstat, fsync, open, readFully, writeAll } from "./system-calls.ts"
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

const CHUNK = 2 * 2 ** 20
/** one is filled, one is hashed, one is written */
const DIRECT_RING = 3

const buffers = new AlignedBuffers(CHUNK, DIRECT_RING)

/** @throws StoredError SOURCE_FAILED (retryable: it changed, or cannot be read), INVALID_INPUT, DISK_FULL, ABORTED, … */
export async function stageFile(
  task: StageFileTask,
  hashers: HasherFactory,
  signal?: AbortSignal,
): Promise<StagedFile> {
  const { fd: source, modified } = await openSource(task)
  try {
    const target = await open(task.target, "r+").catch((error: unknown) => {
      throw storageError(error, "open a temporary file")
    })
    try {
      const staged = await copy(task, source, target, hashers, signal)
      await requireUnchanged(task, source, modified)
      return staged
    } finally {
      await close(target)
    }
  } finally {
    await close(source)
  }
}

async function openSource({ source, size }: StageFileTask): Promise<{ fd: number; modified: number }> {
  try {
    // Without O_NONBLOCK, opening a fifo would wait for a writer.
    const fd = await open(source, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const state = await fstat(fd)
      if (!state.isFile()) throw new StoredError("INVALID_INPUT", `"${source}" is not a regular file.`)
      if (state.size !== size) throw changed(source)
      return { fd, modified: state.mtimeMs }
    } catch (error) {
      await close(fd)
      throw error
    }
  } catch (error) {
    throw sourceError(error, source)
  }
}

/** Written to while it was read, it may be half old and half new. */
async function requireUnchanged({ source: path, size }: StageFileTask, fd: number, modified: number): Promise<void> {
  const state = await fstat(fd).catch((error: unknown) => {
    throw sourceError(error, path)
  })
  if (state.size !== size || state.mtimeMs !== modified) throw changed(path)
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
  const writer = task.durable && task.size >= DIRECT_BYTES ? await directWriter(target) : cachedWriter(task, target)
  try {
    const size = await pump({
      ring: writer.ring,
      size: task.size,
      read: (buffer, position) =>
        readFully(source, buffer, 0, buffer.length, position).catch((error: unknown) => {
          throw sourceError(error, task.source)
        }),
      look: (chunk, position) => {
        throwIfAborted(signal)
        if (position + chunk.length > task.size) throw changed(task.source)
        for (const [, hasher] of running) hasher.update(chunk)
      },
      write: writer.write,
    })
    if (size !== task.size) throw changed(task.source)
    await writer.finish()
    if (task.durable) await flush(target)
    return { size, checksums: Object.fromEntries(running.map(([name, hasher]) => [name, hasher.digest()])) }
  } finally {
    await writer.end()
  }
}

interface ChunkWriter {
  /** to be used in turn */
  ring: Buffer[]
  write(buffer: Buffer, length: number, position: number): Promise<void>
  finish(): Promise<void>
  end(): Promise<void>
}

async function directWriter(target: number): Promise<ChunkWriter> {
  const ring = buffers.takeAll(DIRECT_RING)
  const file = await DirectFile.open(target, "write").catch((error: unknown) => {
    for (const buffer of ring) buffers.give(buffer)
    throw error
  })
  return {
    ring,
    write: (buffer, length, position) => file.write(buffer, length, position).catch(writeFailed),
    finish: () => file.finish().catch(writeFailed),
    end: async () => {
      for (const buffer of ring) buffers.give(buffer)
      await file.close()
    },
  }
}

function cachedWriter({ size }: StageFileTask, target: number): ChunkWriter {
  // A byte more than the file should have shows that it grew.
  const length = Math.min(CHUNK, size + 1)
  return {
    ring: [Buffer.allocUnsafeSlow(length), Buffer.allocUnsafeSlow(length)],
    write: (buffer, length, position) => writeAll(target, buffer.subarray(0, length), position).catch(writeFailed),
    finish: async () => {},
    end: async () => {},
  }
}

async function flush(target: number): Promise<void> {
  await fsync(target).catch((error: unknown) => {
    throw storageError(error, "flush content to its disk")
  })
}

function writeFailed(error: unknown): never {
  throw storageError(error, "write content")
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
