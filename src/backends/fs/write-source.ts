/**
 * Writes a source into an open file: bytes in one write, a local file by large reads of our own, everything else as a stream in pieces of 1 MiB.
 * Memory does not grow with the size. What the source gives is counted and compared with what it declared.
 */
import { constants } from "node:fs"
import { AlignedBuffers } from "../../core/aligned-buffers.ts"
import type { BlobSource } from "../../core/blob-source.ts"
import { DIRECT_BYTES, DirectFile } from "../../core/direct-file.ts"
import { throwIfAborted } from "../../core/error.ts"
import { pump } from "../../core/pump.ts"
import { requireSize, sourceFailed, sourcePieces } from "../source-pieces.ts"
import { closeIdle, open, type QuickCalls, read, write } from "./calls.ts"

const PIECE = 1024 * 1024
/** Staged files up to this size were written a moment ago and are read from the kernel's cache. */
const SMALL = 256 * 1024
/** two are filled while two are written */
const RING = 4
const buffers = new AlignedBuffers(PIECE, RING)
/** The system takes no more than 2 GiB in one write. */
const MAX_WRITE = 2 ** 30

/** @throws StoredError SIZE_MISMATCH, SOURCE_FAILED, ABORTED; the system's errors of writing as they are */
export async function writeSource(
  quick: QuickCalls,
  fd: number,
  source: BlobSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (source.path !== undefined && !source.bytes) {
    const large = source.size !== undefined && source.size >= DIRECT_BYTES
    return large ? copyLarge(fd, source, source.path, signal) : writeFile(quick, fd, source, source.path, signal)
  }
  let position = 0
  for await (const piece of sourcePieces(source, PIECE, signal)) {
    await writeAll(fd, piece, position, signal)
    position += piece.byteLength
  }
}

/** Copies a local file. The buffer is a byte larger than a small file, so that one read shows both its bytes and that it did not grow. */
async function writeFile(
  quick: QuickCalls,
  fd: number,
  source: BlobSource,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const calls = (source.size ?? PIECE) <= SMALL ? quick : { open, read }
  const from = await openSource(calls, path)
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, (source.size ?? PIECE) + 1))
    let position = 0
    for (let ended = false; !ended; ) {
      const count = await readPiece(calls, from, buffer, position)
      position += count
      if (source.size !== undefined && position > source.size) break
      await writeAll(fd, buffer.subarray(0, count), position - count, signal)
      ended = count === 0 || (count < buffer.length && position === source.size)
    }
    requireSize(source, position)
  } finally {
    closeIdle(from)
  }
}

/** Past the page cache both ways: staged content of this size is not in it either. */
async function copyLarge(fd: number, source: BlobSource, path: string, signal: AbortSignal | undefined): Promise<void> {
  const from = await openSource({ open }, path)
  try {
    await buffers.lend(RING, (ring) =>
      DirectFile.use(from, "read", (input) =>
        DirectFile.use(fd, "write", (output) => copyPieces({ ring, input, output }, source, signal)),
      ),
    )
  } finally {
    closeIdle(from)
  }
}

async function copyPieces(
  { ring, input, output }: { ring: Buffer[]; input: DirectFile; output: DirectFile },
  source: BlobSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  const size = await pump({
    ring,
    size: source.size!,
    read: (buffer, position) =>
      input.read(buffer, position).catch((error: unknown) => {
        throw sourceFailed(error)
      }),
    look: (chunk, position) => {
      throwIfAborted(signal)
      if (position + chunk.length > source.size!) requireSize(source, position + chunk.length)
    },
    write: (buffer, length, position) => output.write(buffer, length, position),
  })
  requireSize(source, size)
  await output.finish()
}

async function openSource(calls: Pick<QuickCalls, "open">, path: string): Promise<number> {
  try {
    return await calls.open(path, constants.O_RDONLY)
  } catch (error) {
    throw sourceFailed(error)
  }
}

async function readPiece(
  calls: Pick<QuickCalls, "read">,
  fd: number,
  buffer: Buffer,
  position: number,
): Promise<number> {
  try {
    return await calls.read(fd, buffer, 0, buffer.length, position)
  } catch (error) {
    throw sourceFailed(error)
  }
}

async function writeAll(
  fd: number,
  bytes: Uint8Array,
  position: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    throwIfAborted(signal)
    const length = Math.min(bytes.byteLength - done, MAX_WRITE)
    done += await write(fd, bytes, done, length, position + done)
  }
}
