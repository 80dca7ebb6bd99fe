/**
 * `archive` (B9): many objects as one file. One source is open at a time and is read as fast as the archive is, so that memory does not grow with what is in
 * it. What can be known to fail is told before the first byte; later, the stream breaks.
 */
import { pipeline } from "node:stream"
import { createGzip } from "node:zlib"
import { ConflictError, type StoredError } from "../../core/error.ts"
import type { StoreFace } from "../store.ts"
import type { ArchiveOptions, OpenedArchive } from "./archive-face.ts"
import { ARCHIVE_TYPES, type ArchiveFormat, parseFormat, parseLevel } from "./archive-format.ts"
import { ArchiveStream } from "./archive-stream.ts"
import { choose, type Listed } from "./choose.ts"
import { EntryNames, safeSegment } from "./entry-names.ts"
import type { Member, MemberFacts } from "./member.ts"
import { tar, tarSize } from "./tar.ts"
import { zip, zipSize } from "./zip.ts"

export type ArchiveSources = Pick<StoreFace, "list" | "open">

/** @throws StoredError NOT_FOUND, INVALID_INPUT, INVALID_KEY */
export async function archive(sources: ArchiveSources, options: ArchiveOptions): Promise<OpenedArchive> {
  const format = parseFormat(options.format)
  const level = parseLevel(format, options.compress)
  const over = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal
  const { chosen, all, folder } = await choose(sources, options, signal)
  const size = all === null ? null : sizeOf(all, format, level)
  const members = open(sources, chosen, { ...options, signal, isFixed: size !== null })
  return {
    name: fileName(options.name ?? baseName(folder), format),
    mimeType: ARCHIVE_TYPES[format],
    size,
    stream: new ArchiveStream(written(members, format, level), over, options.signal),
  }
}

function sizeOf(all: readonly Listed[], format: ArchiveFormat, level: number): number | null {
  if (level > 0) return null
  const names = new EntryNames()
  const facts: MemberFacts[] = all.map(({ path, ...rest }) => ({ ...rest, name: names.next(path) }))
  if (format === "zip") return zipSize(facts)
  return format === "tar" ? tarSize(facts) : null
}

/** Each in its turn, once the one before it has been read. */
async function* open(
  sources: ArchiveSources,
  chosen: AsyncIterable<Listed>,
  how: Pick<ArchiveOptions, "fallback"> & { signal: AbortSignal; isFixed: boolean },
): AsyncGenerator<Member> {
  const { fallback, signal, isFixed } = how
  const names = new EntryNames()
  for await (const { key, path, size, modified } of chosen) {
    const { metadata, stream } = await sources.open(key, { signal, ...(fallback !== undefined && { fallback }) })
    try {
      if (isFixed && metadata.size !== size) throw changed(key)
      yield { name: names.next(path), size: metadata.size, mimeType: metadata.mimeType, modified, stream }
    } finally {
      stream.destroy()
    }
  }
}

function written(members: AsyncIterable<Member>, format: ArchiveFormat, level: number): AsyncGenerator<Buffer> {
  if (format === "zip") return zip(members, level)
  return format === "tar" ? tar(members) : gzipped(tar(members), level)
}

async function* gzipped(plain: AsyncIterable<Buffer>, level: number): AsyncGenerator<Buffer> {
  // What breaks the archive breaks the packed stream, and so whoever reads it.
  yield* pipeline(plain, createGzip({ level, chunkSize: 64 * 1024 }), () => {}) as AsyncIterable<Buffer>
}

function changed(key: string): StoredError {
  return new ConflictError(`"${key}" was changed while the archive was made; ask for the archive again.`, {
    retryable: true,
    details: { key },
  })
}

/** `photos/2024/` is `2024`. */
function baseName(folder: string): string {
  return folder.split("/").at(-2) ?? "archive"
}

function fileName(name: string, format: ArchiveFormat): string {
  const safe = safeSegment(name.replaceAll("/", "_"))
  return safe.toLowerCase().endsWith(`.${format}`) ? safe : `${safe}.${format}`
}
