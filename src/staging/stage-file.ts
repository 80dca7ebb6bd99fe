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
  const writer =
    task.durable && task.size >= DIRECT_BYTES ? await directWriter(task, target) : cachedWriter(task, target)
  const { ring } = writer
  const writing: Promise<void>[] = ring.map(() => Promise.resolve())
  let filling = Promise.resolve(0)
  // A buffer is filled once its last write is done.
  const fill = async (index: number, position: number): Promise<number> => {
    await writing[index % ring.length]
    const buffer = ring[index % ring.length]!
    return readFully(source, buffer, 0, buffer.length, position).catch((error: unknown) => {
      throw sourceError(error, task.source)
    })
  }
  let position = 0
  try {
    let length = await fill(0, 0)
    for (let index = 0; length > 0; index += 1) {
      throwIfAborted(signal)
      if (position + length > task.size) throw changed(task.source)
      const buffer = ring[index % ring.length]!
      const write = writer.write(buffer, length, position)
      writing[index % ring.length] = write
      filling = fill(index + 1, position + length)
      // Met below; until then neither must count as unhandled.
      write.catch(() => {})
      filling.catch(() => {})
      const chunk = buffer.subarray(0, length)
      for (const [, hasher] of running) hasher.update(chunk)
      position += length
      length = await filling
    }
    await Promise.all(writing)
    if (position !== task.size) throw changed(task.source)
    await writer.finish()
    if (task.durable) await flush(target)
  } finally {
    // A buffer must not be let go while a pool thread still reads or fills it.
    await Promise.allSettled([...writing, filling])
    await writer.end()
  }
  return { size: position, checksums: Object.fromEntries(running.map(([name, hasher]) => [name, hasher.digest()])) }
}

interface ChunkWriter {
  /** to be used in turn */
  ring: Buffer[]
  write(buffer: Buffer, length: number, position: number): Promise<void>
  finish(): Promise<void>
  end(): Promise<void>
}

async function directWriter(task: StageFileTask, target: number): Promise<ChunkWriter> {
  const file = await DirectFile.open(target, task.target).catch(writeFailed)
  const ring = Array.from({ length: DIRECT_RING }, () => buffers.take())
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
