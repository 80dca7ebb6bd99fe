/** Objects as files of this machine. A file appears whole or not at all. */
import { lstat, mkdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { NotFoundError, StoredError } from "../../core/error.ts"
import type { Metadata } from "../../core/metadata.ts"
import { requirePlace, toFile } from "../to-file.ts"
import { asFolder, isFolderName, lastName } from "./place.ts"
import { isSameContent } from "./same-content.ts"
import { TargetFolder } from "./target-folder.ts"
import type { CopyParts, Transfer, Transferred } from "./transfer.ts"

/** @throws StoredError INVALID_INPUT */
export async function* downloads(parts: CopyParts, from: string, to: string): AsyncGenerator<Transfer> {
  if (parts.options.recursive) yield* folder(parts, asFolder(from), to)
  else if (isFolderName(from))
    throw new StoredError("INVALID_INPUT", `:${from} is a folder; use -r to copy what is in it.`)
  else yield await single(parts, from, to)
}

async function* folder(parts: CopyParts, prefix: string, to: string): AsyncGenerator<Transfer> {
  await mkdir(to, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new StoredError("INVALID_INPUT", `The folder ${to} cannot be made (${cause.code}); name another place.`, {
      cause,
    })
  })
  const target = new TargetFolder(to)
  for await (const { key } of parts.access.list({ prefix, signal: parts.line.signal })) {
    const name = key.slice(prefix.length)
    yield { from: `:${key}`, to: join(to, name), run: async () => download(parts, key, await target.placeOf(name)) }
  }
}

async function single(parts: CopyParts, key: string, to: string): Promise<Transfer> {
  const found = await stat(to).catch(() => null)
  if (!found?.isDirectory() && !to.endsWith("/")) {
    await requirePlace(to)
    return {
      from: `:${key}`,
      to,
      run: async () => download(parts, key, await new TargetFolder(dirname(to)).placeOf(basename(to))),
    }
  }
  if (!found) throw new StoredError("INVALID_INPUT", `There is no folder ${to}; make it, or name another place.`)
  const target = new TargetFolder(to)
  const name = lastName(key)
  return { from: `:${key}`, to: join(to, name), run: async () => download(parts, key, await target.placeOf(name)) }
}

async function download(parts: CopyParts, key: string, path: string): Promise<Transferred> {
  const { line, access, options, onBytes } = parts
  const there = await lstat(path).catch(() => null)
  if (there && !options.force) {
    const metadata = await access.stat(key)
    if (!metadata) throw new NotFoundError(`There is no object "${key}".`)
    if (options.skipExisting || (there.isFile() && (await isSameContent(path, there.size, metadata)))) {
      return skipped(metadata)
    }
  }
  const { metadata, range, stream } = await access.open(key, { signal: line.signal })
  let told = 0
  const update = (done: number): void => {
    onBytes(done - told)
    told = done
  }
  const size = await toFile(line, { stream, size: range.end - range.start }, path, options, { update, end: () => {} })
  return { outcome: "copied", id: metadata.id, size }
}

function skipped({ id, size }: Metadata): Transferred {
  return { outcome: "skipped", id, size }
}
