/** A stream into a file that appears whole or not at all: it is written beside its place and renamed. */
import { randomBytes } from "node:crypto"
import { createWriteStream } from "node:fs"
import { rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { type Readable, Transform, type Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { StoredError } from "../core/error.ts"
import type { CommandLine, GlobalOptions } from "./command-line.ts"
import { type Progress, startProgress } from "./progress.ts"

export interface Source {
  stream: Readable
  /** bytes, null where that is not known */
  size: number | null
}

/** @throws StoredError INVALID_INPUT */
export async function requirePlace(path: string): Promise<void> {
  const [place, folder] = await Promise.all([path, dirname(path)].map((one) => stat(one).catch(() => null)))
  if (place?.isDirectory()) throw new StoredError("INVALID_INPUT", `${path} is a folder; name a file in it.`)
  if (!folder?.isDirectory()) {
    throw new StoredError("INVALID_INPUT", `There is no folder ${dirname(path)}; make it, or name another place.`)
  }
}

/** How many bytes were written. @throws StoredError CORRUPT where that is not its size, INVALID_INPUT, DISK_FULL */
export async function toFile(
  line: CommandLine,
  source: Source,
  path: string,
  options: GlobalOptions,
  /** who is told instead of a bar for this file alone */
  told?: Progress,
): Promise<number> {
  // A name may have 255 bytes, and a character 4 of them.
  const temporary = join(dirname(path), `.${basename(path).slice(0, 50)}.${randomBytes(6).toString("hex")}.part`)
  const size = source.size ?? undefined
  const progress = told ?? startProgress(line, { name: basename(path), size, json: options.json })
  try {
    const file = createWriteStream(temporary, { flags: "wx", flush: true })
    const written = await transfer(source, file, progress, line.signal)
    await rename(temporary, path)
    return written
  } catch (error) {
    await rm(temporary, { force: true })
    throw fileFault(error, path)
  } finally {
    progress?.end()
  }
}

async function transfer(
  { stream, size }: Source,
  target: Writable,
  progress: Progress | null,
  signal: AbortSignal,
): Promise<number> {
  let done = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, passOn) {
      done += chunk.length
      progress?.update(done)
      passOn(null, chunk)
    },
  })
  await pipeline(stream, counter, target, { signal })
  if (size === null || done === size) return done
  throw new StoredError("CORRUPT", `${done} bytes came instead of ${size}; nothing was written.`)
}

function fileFault(error: unknown, path: string): unknown {
  const code = error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : null
  if (code === null) return error
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StoredError("DISK_FULL", `There is no room for ${path}; free some or name another place.`, {
      cause: error,
    })
  }
  return new StoredError("INVALID_INPUT", `${path} cannot be written (${code}); name another place.`, { cause: error })
}
