/**
 * Inputs that are files. Only regular files, links to them followed; nothing here waits for a writer, a device or a peer.
 *
 * Small files are read here and now and travel as bytes; larger ones travel as path and size, and whoever reads them opens them again.
 * Either way `verify` tells afterwards whether it was one and the same state of the file all along (I13).
 */
import { type BigIntStats, closeSync, constants, createReadStream, fstatSync, open, read } from "node:fs"
import { stat } from "node:fs/promises"
import { basename, resolve } from "node:path"
import { Readable } from "node:stream"
import { promisify } from "node:util"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import { type ErrorCode, StoredError, throwIfAborted } from "../core/error.ts"
import type { OpenedInput } from "./input.ts"
import { bytesSource, SMALL } from "./input-bytes.ts"

const CHUNK = 1024 * 1024

/** @throws StoredError INVALID_INPUT, PERMISSION_DENIED, SOURCE_FAILED */
export async function openFile(name: string, signal: AbortSignal | undefined): Promise<OpenedInput> {
  if (name === "") throw refused("The path is empty; give the path of a file")
  if (name.includes("\0")) throw refused("The path has a NUL character; remove it")
  throwIfAborted(signal)
  const path = resolve(name)
  try {
    // O_NONBLOCK: a fifo would wait for a writer. O_NOCTTY: a terminal must not become ours.
    const file = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    try {
      return await openState(file, path, name)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw fileError(error, name)
  }
}

const openDescriptor = promisify(open)
const readDescriptor = promisify(read)

async function openState(file: number, path: string, name: string): Promise<OpenedInput> {
  const state = fileState(file)
  checkKind(state, name)
  const size = Number(state.size)
  const small = size <= SMALL
  return {
    source: small ? bytesSource(await readWhole(file, state, name)) : fileSource(path, size),
    name: basename(path),
    mimeType: null,
    modified: Number(state.mtimeMs),
    mode: Number(state.mode & 0o7777n),
    verify: async () => {
      if (!small) await verifyUnchanged(path, state, name)
    },
    close: async () => {},
  }
}

/**
 * Opening and reading may wait for a disk and go through Node's thread pool. The state of a file that is open is in the kernel's memory
 * already, and closing after reading has nothing to wait for: through the pool, each would cost ten times the call itself.
 */
function fileState(file: number): BigIntStats {
  return fstatSync(file, { bigint: true })
}

function checkKind(state: BigIntStats, name: string): void {
  if (state.isFile()) return
  if (state.isDirectory()) throw refused(`"${name}" is a directory; put its files one by one`)
  if (state.isFIFO()) throw refused(`"${name}" is a fifo; open it yourself and put the stream`)
  if (state.isSocket()) throw refused(`"${name}" is a socket; connect to it and put the stream`)
  throw refused(`"${name}" is a device; open it yourself and put the stream`)
}

/** All of it, and nothing but one state of it: one byte more than the size is asked for, and the state is compared afterwards. */
async function readWhole(file: number, before: BigIntStats, name: string): Promise<Uint8Array> {
  const size = Number(before.size)
  const buffer = Buffer.allocUnsafeSlow(size + 1)
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await readDescriptor(file, buffer, length, buffer.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  const after = fileState(file)
  if (length !== size || !isSameState(before, after)) throw changed(name)
  return buffer.subarray(0, size)
}

function fileSource(path: string, size: number): BlobSource {
  return {
    size,
    path,
    read: (range) => Readable.from(chunksOf(path, range), { objectMode: false, highWaterMark: CHUNK }),
  }
}

async function* chunksOf(path: string, range: ByteRange | undefined): AsyncGenerator<Buffer> {
  if (range && range.end <= range.start) return
  const span = range && { start: range.start, end: range.end - 1 }
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK, ...span })
  } catch (error) {
    throw fileError(error, path)
  }
}

async function verifyUnchanged(path: string, before: BigIntStats, name: string): Promise<void> {
  const after = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw fileError(error, name, "SOURCE_FAILED")
  })
  if (!isSameState(before, after)) throw changed(name)
}

function isSameState(before: BigIntStats, after: BigIntStats): boolean {
  return (
    before.size === after.size &&
    before.mtimeNs === after.mtimeNs &&
    before.ino === after.ino &&
    before.dev === after.dev
  )
}

function changed(name: string): StoredError {
  return new StoredError(
    "SOURCE_FAILED",
    `"${name}" changed while it was read; put it again once nobody writes to it, or put it as a stream.`,
    { retryable: true },
  )
}

function refused(reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `${reason}.`)
}

const REASONS: Readonly<Record<string, [ErrorCode, reason: string]>> = {
  ENOENT: ["INVALID_INPUT", "does not exist; check the path (to put text, use Buffer.from(text))"],
  ENOTDIR: ["INVALID_INPUT", "does not exist: a part of the path before it is not a directory"],
  ENAMETOOLONG: ["INVALID_INPUT", "is longer than a path may be"],
  ELOOP: ["INVALID_INPUT", "is a symbolic link that leads in a circle"],
  ENXIO: ["INVALID_INPUT", "is a socket or a device without a driver; open it yourself and put the stream"],
  EACCES: ["PERMISSION_DENIED", "may not be read by this process; change its permissions"],
  EPERM: ["PERMISSION_DENIED", "may not be read by this process; change its permissions"],
}

function fileError(error: unknown, name: string, code?: ErrorCode): StoredError {
  if (error instanceof StoredError) return error
  const known = REASONS[error instanceof Error && "code" in error ? String(error.code) : ""]
  const message = error instanceof Error ? error.message : String(error)
  const [ownCode, reason] = known ?? (["SOURCE_FAILED", `cannot be read: ${message}`] as const)
  const finalCode = code ?? ownCode
  return new StoredError(finalCode, `"${name.slice(0, 200)}" ${reason}.`, {
    retryable: finalCode === "SOURCE_FAILED",
    cause: error,
  })
}
