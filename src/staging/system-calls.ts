/** The system calls of staging, in one place, so that tests can watch them. `writeAll` and `readFully` go on where the system did a part only. */
import fs from "node:fs"
import { read, write } from "../core/system-calls.ts"

export { close, fdatasync, fstat, fsync, open, rename, unlink } from "../core/system-calls.ts"

/** Linux moves at most this many bytes in one call. */
const MAX_TRANSFER = 0x7fff_f000

/** Writes all bytes at `position`. */
export async function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    offset += await write(fd, bytes, offset, Math.min(bytes.length - offset, MAX_TRANSFER), position + offset)
  }
}

/** Reads until `length` bytes stand in `buffer` from `offset`, or the file ends. How many bytes came. */
export async function readFully(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  let count = 0
  while (count < length) {
    const got = await read(fd, buffer, offset + count, Math.min(length - count, MAX_TRANSFER), position + count)
    if (got === 0) break
    count += got
  }
  return count
}

/** Writes all bytes from the start of an empty file, without leaving this thread. */
export function writeAllSync(fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) {
    offset += fs.writeSync(fd, bytes, offset, bytes.length - offset, offset)
  }
}
