/** The system calls of the fs driver, in one place, so that tests can watch them and make them fail; and those that need no thread of the pool. */
import fs, { type Stats } from "node:fs"
import { access } from "node:fs/promises"
import { futimes, lstat, open, read, statfs } from "../../core/system-calls.ts"

export {
  close,
  fchmod,
  fstat,
  fsync,
  futimes,
  lstat,
  mkdir,
  open,
  read,
  rename,
  rmdir,
  unlink,
  write,
} from "../../core/system-calls.ts"

/**
 * Closes a descriptor behind which nothing waits to be written: one that was read through, or whose file has been synced. That waits for no
 * disk, and a way through the thread pool would cost ten times as much.
 */
export function closeIdle(fd: number): void {
  fs.closeSync(fd)
}

/**
 * Calls that a disk of this host answers from the kernel's caches: looking at an entry, opening a file that is there, reading a small file that was
 * written a moment ago, setting times. Made directly they cost a few microseconds; a way through the thread pool costs ten times that, and a small
 * sync has seven of them. A network file system may keep any of them waiting, so there they go through the pool.
 */
export interface QuickCalls {
  open(path: string, flags: number): number | Promise<number>
  lstat(path: string): Stats | Promise<Stats>
  /** @param mode bits of `fs.constants` */
  access(path: string, mode: number): void | Promise<void>
  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number | Promise<number>
  futimes(fd: number, accessed: number, modified: number): void | Promise<void>
}

const pooled: QuickCalls = { open, lstat, access, read, futimes }

const direct: QuickCalls = {
  open: (path, flags) => fs.openSync(path, flags),
  lstat: (path) => fs.lstatSync(path),
  access: (path, mode) => fs.accessSync(path, mode),
  read: (fd, buffer, offset, length, position) => fs.readSync(fd, buffer, offset, length, position),
  futimes: (fd, accessed, modified) => fs.futimesSync(fd, accessed, modified),
}

/** What `statfs` says of file systems on a disk, or in the memory, of this host (linux/magic.h): ext, xfs, btrfs, tmpfs, f2fs, zfs, overlay. */
const LOCAL = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x2fc12fc1, 0x794c7630])

/** The calls to make below a root, by the kind of its file system. */
export async function quickCallsFor(root: string): Promise<QuickCalls> {
  return LOCAL.has((await statfs(root)).type) ? direct : pooled
}

/** The system's name of an error (`ENOENT`), or an empty text where it has none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : ""
}

/** Whether an error says that there is nothing by that name: names that are too long for a disk are never there. */
export function isAbsence(error: unknown): boolean {
  const code = errorCode(error)
  return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG"
}
