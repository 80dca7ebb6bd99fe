/**
 * Hashes a local file in one pass for all wanted algorithms; what the threads of the pool do, and good to call without them.
 *
 * The answer belongs to one state of the file: if its size or modification time is another one afterwards, it is SOURCE_FAILED
 * and worth another try. Memory is two chunks of 1 MiB: one is read while the other is hashed.
 */
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import type { ChecksumAlgorithm, Checksums, HasherFactory } from "../core/checksum.ts"
import { type ErrorCode, StoredError } from "../core/error.ts"

export interface HashFileTask {
  path: string
  algorithms: ChecksumAlgorithm[]
  /** first byte, from 0; absent: 0 */
  start?: number
  /** one past the last byte; absent, or beyond the end: the end of the file */
  end?: number
}

export interface HashedFile {
  /** bytes that were hashed */
  size: number
  checksums: Checksums
}

const CHUNK = 1024 * 1024

/** @throws StoredError NOT_FOUND, PERMISSION_DENIED, INVALID_INPUT (not a regular file), SOURCE_FAILED */
export async function hashFile(task: HashFileTask, hashers: HasherFactory): Promise<HashedFile> {
  try {
    // Without O_NONBLOCK, opening a fifo would wait for a writer.
    await using file = await open(task.path, constants.O_RDONLY | constants.O_NONBLOCK)
    const before = await file.stat({ bigint: true })
    if (!before.isFile()) throw new StoredError("INVALID_INPUT", `"${task.path}" is not a regular file.`)
    const hashed = await hashOpenFile(file, task, hashers)
    const after = await file.stat({ bigint: true })
    if (before.size !== after.size || before.mtimeNs !== after.mtimeNs) {
      throw new StoredError("SOURCE_FAILED", `"${task.path}" changed while it was read.`, { retryable: true })
    }
    return hashed
  } catch (error) {
    throw fileError(error, task.path)
  }
}

async function hashOpenFile(file: FileHandle, task: HashFileTask, hashers: HasherFactory): Promise<HashedFile> {
  const running = task.algorithms.map((algorithm) => [algorithm, hashers.create(algorithm)] as const)
  const start = task.start ?? 0
  let position = start
  const fill = async (buffer: Buffer): Promise<Buffer> => {
    const wanted = Math.min(buffer.length, (task.end ?? Number.POSITIVE_INFINITY) - position)
    const { bytesRead } = wanted > 0 ? await file.read(buffer, 0, wanted, position) : { bytesRead: 0 }
    position += bytesRead
    return buffer.subarray(0, bytesRead)
  }
  let [current, spare] = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)]
  for (let chunk = await fill(current); chunk.length > 0; ) {
    const next = fill(spare)
    for (const [, hasher] of running) hasher.update(chunk)
    chunk = await next
    ;[current, spare] = [spare, current]
  }
  return {
    size: position - start,
    checksums: Object.fromEntries(running.map(([algorithm, hasher]) => [algorithm, hasher.digest()])),
  }
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NOT_FOUND",
  ENOTDIR: "NOT_FOUND",
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  EISDIR: "INVALID_INPUT",
  ENXIO: "INVALID_INPUT",
}

function fileError(error: unknown, path: string): StoredError {
  if (error instanceof StoredError) return error
  const system = error instanceof Error && "code" in error ? String(error.code) : ""
  const code = CODES[system] ?? "SOURCE_FAILED"
  const message = error instanceof Error ? error.message : String(error)
  return new StoredError(code, `"${path}" cannot be hashed: ${message}.`, {
    retryable: code === "SOURCE_FAILED",
    cause: error,
    ...(system && { details: { system } }),
  })
}
