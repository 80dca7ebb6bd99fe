/**
 * System calls on files as promises over bare file descriptors. A `FileHandle` costs about twice as much processor time a call, and a tree of 20,000
 * small files makes a quarter of a million of them.
 */
import fs from "node:fs"
import { promisify } from "node:util"

export const open = promisify(fs.open)
export const close = promisify(fs.close)
export const fsync = promisify(fs.fsync)
export const fdatasync = promisify(fs.fdatasync)
export const fstat = promisify(fs.fstat)
export const lstat = promisify(fs.lstat)
export const statfs = promisify(fs.statfs)
export const fchmod = promisify(fs.fchmod)
export const ftruncate = promisify(fs.ftruncate)
export const futimes = promisify(fs.futimes)
export const rename = promisify(fs.rename)
export const unlink = promisify(fs.unlink)
export const mkdir = promisify(fs.mkdir)
export const rmdir = promisify(fs.rmdir)

/** Reads up to `length` bytes at `position`. How many; 0 at the end. */
export function read(
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)))
  })
}

/** One write at `position`; the system may take less than all of it. How many bytes it took. */
export function write(
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, offset, length, position, (error, count) => (error ? reject(error) : resolve(count)))
  })
}
