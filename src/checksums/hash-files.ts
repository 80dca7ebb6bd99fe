/**
 * Hashes many local files in one call: what the threads of the pool do for scans. A thread has nothing else to do, so its reads are synchronous, which for
 * small files takes half the time of asynchronous ones.
 *
 * Each answer belongs to one state of its file, which is told with it: whoever found the file by other means compares the two, and so knows that it was that file.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs"
import type { ChecksumAlgorithm, Checksums, HasherFactory } from "../core/checksum.ts"
import { type FileState, fileState } from "../core/file-state.ts"

export interface HashFilesTask {
  paths: string[]
  algorithms: ChecksumAlgorithm[]
}

/** `absent`: no regular file is there. `changing`: it was written to while it was read. `unreadable`: `error` says why. */
export type HashedFileAnswer =
  | { type: "hashed"; state: FileState; checksums: Checksums }
  | { type: "absent" | "changing" }
  | { type: "unreadable"; error: string }

/** Without O_NONBLOCK the opening of a fifo waits for a writer. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const PIECE = 1024 * 1024
const GONE = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"])

/** One answer each, in order. */
export function hashFiles({ paths, algorithms }: HashFilesTask, hashers: HasherFactory): HashedFileAnswer[] {
  const buffer = Buffer.allocUnsafeSlow(PIECE + 1)
  return paths.map((path) => {
    try {
      return hashFile(path, algorithms, hashers, buffer)
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : ""
      if (GONE.has(code)) return { type: "absent" }
      return { type: "unreadable", error: error instanceof Error ? error.message : String(error) }
    }
  })
}

function hashFile(
  path: string,
  algorithms: ChecksumAlgorithm[],
  hashers: HasherFactory,
  buffer: Buffer,
): HashedFileAnswer {
  const fd = openSync(path, FLAGS)
  try {
    const before = fstatSync(fd)
    if (!before.isFile()) return { type: "absent" }
    const checksums =
      before.size <= PIECE
        ? hashSmall(fd, before, algorithms, hashers, buffer)
        : hashLarge(fd, before, algorithms, hashers, buffer)
    if (checksums === null || !isSame(before, fstatSync(fd))) return { type: "changing" }
    return { type: "hashed", state: fileState(before), checksums }
  } finally {
    closeSync(fd)
  }
}

/** Null where it has another length than it had. */
function hashSmall(
  fd: number,
  { size }: Stats,
  algorithms: ChecksumAlgorithm[],
  hashers: HasherFactory,
  buffer: Buffer,
): Checksums | null {
  let filled = 0
  // One byte more than there should be: a read that finds no more is the end.
  while (filled <= size) {
    const read = readSync(fd, buffer, filled, size + 1 - filled, filled)
    if (read === 0 || filled + read === size) {
      filled += read
      break
    }
    filled += read
  }
  if (filled !== size) return null
  const bytes = buffer.subarray(0, size)
  return Object.fromEntries(algorithms.map((algorithm) => [algorithm, hashers.hash(algorithm, bytes)]))
}

function hashLarge(
  fd: number,
  { size }: Stats,
  algorithms: ChecksumAlgorithm[],
  hashers: HasherFactory,
  buffer: Buffer,
): Checksums | null {
  const running = algorithms.map((algorithm) => [algorithm, hashers.create(algorithm)] as const)
  let position = 0
  for (;;) {
    const read = readSync(fd, buffer, 0, PIECE, position)
    if (read === 0) break
    position += read
    const bytes = buffer.subarray(0, read)
    for (const [, hasher] of running) hasher.update(bytes)
  }
  if (position !== size) return null
  return Object.fromEntries(running.map(([algorithm, hasher]) => [algorithm, hasher.digest()]))
}

function isSame(before: Stats, after: Stats): boolean {
  return before.size === after.size && before.mtimeMs === after.mtimeMs && before.ctimeMs === after.ctimeMs
}
