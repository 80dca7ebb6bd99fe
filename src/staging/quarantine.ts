/**
 * Moves a bad content file aside, where people can look at it. It is looked at once more here: between the moment somebody saw it bad and this
 * one, a put may have replaced it, and good content must not go.
 */
import { renameSync, statSync } from "node:fs"
import { join } from "node:path"
import { type BlobId, splitBlobId } from "../core/blob-id.ts"
import type { Hasher, HasherFactory } from "../core/checksum.ts"
import { isUnreadable } from "../core/unreadable.ts"
import { close, fstat, open, readFully } from "./system-calls.ts"
import { storageError, systemCode } from "./system-error.ts"

export interface QuarantineTask {
  id: BlobId
  path: string
  /** where bad content goes */
  directory: string
  /** UTC ms, part of the name: several bad states of one blob are all kept */
  time: number
}

const CHUNK = 2 ** 20

/** Does nothing where the content is gone or good. */
export async function quarantine(task: QuarantineTask, hashers: HasherFactory): Promise<void> {
  try {
    const bad = await badInode(task, hashers)
    if (bad !== null) moveAside(task, bad)
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw storageError(error, "move bad content aside")
  }
}

async function badInode({ id, path }: QuarantineTask, hashers: HasherFactory): Promise<number | null> {
  const { algorithm, hex } = splitBlobId(id)
  const fd = await open(path, "r")
  try {
    return (await digest(fd, hashers.create(algorithm))) === hex ? null : (await fstat(fd)).ino
  } finally {
    await close(fd)
  }
}

/** Null where the disk does not give the bytes back. */
async function digest(fd: number, hasher: Hasher): Promise<string | null> {
  const chunk = Buffer.allocUnsafe(CHUNK)
  try {
    let position = 0
    for (let count = -1; count !== 0; position += count) {
      count = await readFully(fd, chunk, 0, CHUNK, position)
      hasher.update(chunk.subarray(0, count))
    }
    return hasher.digest()
  } catch (error) {
    if (isUnreadable(error)) return null
    throw error
  }
}

/** A rename by a pool thread can still come between looking and moving; then the wrong file was moved, and goes back. */
function moveAside({ id, path, directory, time }: QuarantineTask, inode: number): void {
  const { algorithm, hex } = splitBlobId(id)
  const aside = join(directory, `${algorithm}-${hex}-${new Date(time).toISOString().replaceAll(":", "")}-${inode}`)
  if (statSync(path).ino !== inode) return
  renameSync(path, aside)
  if (statSync(aside).ino !== inode) renameSync(aside, path)
}
