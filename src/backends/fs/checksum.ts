/**
 * The checksum of a file as it lies there, with the size it belongs to. Files up to 256 KiB take one read; larger ones are read by pieces from the
 * disk, not from the cache, and if they changed meanwhile, read again.
 */
import { AlignedBuffers } from "../../core/aligned-buffers.ts"
import type { ChecksumAlgorithm, HasherFactory } from "../../core/checksum.ts"
import { DirectFile } from "../../core/direct-file.ts"
import { TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import { pump } from "../../core/pump.ts"
import { closeIdle, errorCode, fstat, type QuickCalls } from "./calls.ts"
import type { Directories } from "./directories.ts"
import { openFile } from "./read.ts"

const SMALL = 256 * 1024
const PIECE = 1024 * 1024
/** one is hashed while two are read */
const RING = 3
const buffers = new AlignedBuffers(PIECE, RING)
const MAX_TRIES = 3
const MAX_SPARE = 16
/** What reading at a position says of directories, fifos and devices. */
const NO_FILE = new Set(["EISDIR", "ESPIPE", "EINVAL", "EAGAIN"])

/** Buffers for small files: to get a fresh one from the system costs as much as to hash what is in it. */
const spare: Buffer[] = []

export interface Observed {
  size: number
  hex: string
}

/** @throws StoredError BACKEND_UNAVAILABLE where the file changes all the time, and the system's errors as they are */
export async function checksumFile(
  directories: Directories,
  hashers: HasherFactory,
  key: string,
  algorithm: ChecksumAlgorithm,
  signal: AbortSignal | undefined,
): Promise<Observed | null> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    throwIfAborted(signal)
    const fd = await openFile(directories, key)
    if (fd === null) return null
    try {
      const small = await hashSmall(directories.quick, fd, hashers, algorithm)
      if (small) return small
      if (!(await fstat(fd)).isFile()) return null
      const large = await hashLarge(fd, hashers, algorithm, signal)
      if (large) return large
    } finally {
      closeIdle(fd)
    }
  }
  throw new TransientAdapterError(`"${key}" changed whenever it was read; it will be checked again.`)
}

/** One read that finds the end shows all of the file at one moment. Null where there is more, or nothing: only a look tells what that is. */
async function hashSmall(
  quick: QuickCalls,
  fd: number,
  hashers: HasherFactory,
  algorithm: ChecksumAlgorithm,
): Promise<Observed | null> {
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(SMALL + 1)
  try {
    const size = await quick.read(fd, buffer, 0, buffer.length, 0)
    if (size === 0 || size === buffer.length) return null
    return { size, hex: hashers.hash(algorithm, buffer.subarray(0, size)) }
  } catch (error) {
    if (NO_FILE.has(errorCode(error))) return null
    throw error
  } finally {
    if (spare.length < MAX_SPARE) spare.push(buffer)
  }
}

/** Null where the file changed while it was read. */
async function hashLarge(
  fd: number,
  hashers: HasherFactory,
  algorithm: ChecksumAlgorithm,
  signal: AbortSignal | undefined,
): Promise<Observed | null> {
  const before = await stateOf(fd)
  const hasher = hashers.create(algorithm)
  const look = (chunk: Buffer): void => {
    throwIfAborted(signal)
    hasher.update(chunk)
  }
  const size = await buffers.lend(RING, (ring) =>
    DirectFile.use(fd, "read", (file) => pump({ ring, read: (buffer, position) => file.read(buffer, position), look })),
  )
  const hex = hasher.digest()
  return before === (await stateOf(fd)) ? { size, hex } : null
}

async function stateOf(fd: number): Promise<string> {
  const { size, mtimeMs, ctimeMs } = await fstat(fd)
  return `${size} ${mtimeMs} ${ctimeMs}`
}
