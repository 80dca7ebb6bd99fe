/**
 * Keeps the bytes of a bad copy that lies elsewhere, beside bad content and named like it, before they are replaced there (I8): written beside everything, made
 * durable, renamed. They count against no limit but the room on the disk.
 */
import { randomUUID } from "node:crypto"
import { join } from "node:path"
import type { Readable } from "node:stream"
import { type BlobId, splitBlobId } from "../core/blob-id.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { syncDirectory } from "./directories.ts"
import type { DiskSpace } from "./disk-space.ts"
import { close, fsync, rename, writeAll } from "./system-calls.ts"
import { storageError } from "./system-error.ts"
import type { TemporaryFiles } from "./temporary-files.ts"

export interface KeepBadTask {
  id: BlobId
  bytes: Readable
  /** bytes that are expected */
  size: number
  /** where they lie: part of the name */
  from: string
  /** where bad content goes */
  directory: string
  /** UTC ms, part of the name */
  time: number
  signal?: AbortSignal
}

/** @throws StoredError DISK_FULL, ABORTED, and what the stream fails with */
export async function keepBad(
  task: KeepBadTask,
  { temporary, space }: { temporary: TemporaryFiles; space: DiskSpace },
): Promise<string> {
  const { id, bytes, size, from, directory, time, signal } = task
  const { algorithm, hex } = splitBlobId(id)
  const at = new Date(time).toISOString().replaceAll(":", "")
  const name = `${algorithm}-${hex}-${at}-${from}-${randomUUID().slice(0, 8)}`
  if (space.promise(size) > 0) {
    bytes.destroy()
    throw new StoredError(
      "DISK_FULL",
      `There is no room in quarantine for the ${size} bytes of a bad copy; free space there.`,
      {
        retryable: true,
        details: { needed: size },
      },
    )
  }
  try {
    const { path, fd } = temporary.create()
    try {
      try {
        await write(fd, bytes, signal)
        await fsync(fd)
      } finally {
        await close(fd)
      }
      await rename(path, join(directory, name))
      temporary.leave(path)
    } catch (error) {
      await temporary.remove(path)
      throw error
    }
    await syncDirectory(directory)
    return name
  } catch (error) {
    throw storageError(error, "keep the bytes of a bad copy")
  } finally {
    space.settle(size)
  }
}

async function write(fd: number, bytes: Readable, signal: AbortSignal | undefined): Promise<void> {
  let position = 0
  try {
    for await (const chunk of bytes) {
      throwIfAborted(signal)
      await writeAll(fd, chunk as Uint8Array, position)
      position += (chunk as Uint8Array).length
    }
  } finally {
    bytes.destroy()
  }
}
