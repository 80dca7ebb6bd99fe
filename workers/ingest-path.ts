/**
 * Sources that are files of the worker's machine: regular files under an allowed root, by a path that leads there without a link out of it. What
 * counts is where the file that is open lies, not where it seemed to lie before. Nothing here waits for a writer, a device or a peer.
 */
import { existsSync } from "node:fs"
import { constants, type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises"
import { basename, isAbsolute, normalize, sep } from "node:path"
import { type ErrorCode, StoredError } from "../src/core/error.ts"
import type { IngestContent } from "./ingest-content.ts"

const CHUNK = 1024 * 1024
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY
const HAS_DESCRIPTOR_PATHS = existsSync("/proc/self/fd")

/** @throws StoredError INVALID_INPUT, PERMISSION_DENIED, SOURCE_FAILED (retryable) */
export async function openPath(path: string, roots: readonly string[]): Promise<IngestContent> {
  checkPath(path)
  try {
    const real = await realpath(path)
    if (!(await isUnder(real, roots))) throw outside()
    // Looked at first: opening a device can do something already.
    checkKind(await lstat(real))
    const file = await open(real, FLAGS)
    try {
      return await openedContent(file, real, basename(path))
    } catch (error) {
      await file.close()
      throw error
    }
  } catch (error) {
    throw fileError(error)
  }
}

function checkPath(path: string): void {
  if (path.includes("\0")) throw refused("the path has a NUL character")
  if (!isAbsolute(path)) throw refused("the path is not absolute; write it as the worker's machine has it")
  if (normalize(path) !== path) throw refused('the path has a ".", ".." or empty part; write it straight')
}

/** Roots that are not there now allow nothing now. */
async function isUnder(real: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const place = await realpath(root).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return null
      throw error
    })
    if (place !== null && real.startsWith(place.endsWith(sep) ? place : place + sep)) return true
  }
  return false
}

interface Kind {
  isFile(): boolean
  isDirectory(): boolean
  isFIFO(): boolean
  isSocket(): boolean
}

function checkKind(state: Kind): void {
  if (state.isFile()) return
  if (state.isDirectory()) throw refused("it is a directory; put its files one by one")
  if (state.isFIFO()) throw refused("it is a fifo")
  throw refused(state.isSocket() ? "it is a socket" : "it is a device")
}

async function openedContent(file: FileHandle, real: string, name: string): Promise<IngestContent> {
  const before = await file.stat({ bigint: true })
  checkKind(before)
  await requirePlace(file, real)
  const size = Number(before.size)
  return {
    size,
    name,
    mimeType: null,
    read: async function* () {
      let held: Uint8Array | undefined
      for (let position = 0; ; ) {
        const buffer = Buffer.allocUnsafe(CHUNK)
        const { bytesRead } = await file.read(buffer, 0, CHUNK, position).catch((error: unknown) => {
          throw fileError(error)
        })
        if (bytesRead === 0) break
        position += bytesRead
        if (held) yield held
        held = buffer.subarray(0, bytesRead)
      }
      // The last piece leaves only once it was one and the same state all along (I13).
      const after = await file.stat({ bigint: true })
      if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw changed()
      if (held) yield held
    },
    close: () => file.close(),
  }
}

/** A directory on the way may have become a link since: then what is open lies elsewhere. */
async function requirePlace(file: FileHandle, real: string): Promise<void> {
  if (HAS_DESCRIPTOR_PATHS) {
    if ((await readlink(`/proc/self/fd/${file.fd}`)) !== real) throw moved()
    return
  }
  const [opened, named, now] = await Promise.all([
    file.stat({ bigint: true }),
    lstat(real, { bigint: true }),
    realpath(real),
  ])
  if (now !== real || opened.ino !== named.ino || opened.dev !== named.dev) throw moved()
}

const OUTSIDE =
  "There is no file of that path that this worker may read; it reads only what lies under STORED_INGEST_ROOTS."

const REASONS: Readonly<Record<string, readonly [ErrorCode, reason: string]>> = {
  // Outside of the roots nobody learns what there is and what not.
  ENOENT: ["PERMISSION_DENIED", OUTSIDE],
  ENOTDIR: ["PERMISSION_DENIED", OUTSIDE],
  EACCES: ["PERMISSION_DENIED", OUTSIDE],
  EPERM: ["PERMISSION_DENIED", OUTSIDE],
  ELOOP: ["INVALID_INPUT", "The path cannot be ingested: it is a link that leads in a circle."],
  ENAMETOOLONG: ["INVALID_INPUT", "The path cannot be ingested: it is longer than a path may be."],
  ENXIO: ["INVALID_INPUT", "The path cannot be ingested: it is a socket or a device."],
}

function fileError(error: unknown): StoredError {
  if (error instanceof StoredError) return error
  const known = REASONS[codeOf(error)]
  if (known) return new StoredError(known[0], known[1], { cause: error })
  const message = `The file cannot be read (${codeOf(error) || "unknown fault"}).`
  return new StoredError("SOURCE_FAILED", message, { retryable: true, cause: error })
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : ""
}

function outside(): StoredError {
  return new StoredError("PERMISSION_DENIED", OUTSIDE)
}

function refused(reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `The path cannot be ingested: ${reason}.`)
}

function moved(): StoredError {
  return new StoredError("SOURCE_FAILED", "The file was moved while it was opened; put it again.", { retryable: true })
}

function changed(): StoredError {
  return new StoredError("SOURCE_FAILED", "The file changed while it was read; it is read again later.", {
    retryable: true,
  })
}
