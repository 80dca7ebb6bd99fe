/** Files and folders of this machine into the store. */
import { stat } from "node:fs/promises"
import { basename, resolve } from "node:path"
import { StoredError } from "../../core/error.ts"
import { tellSkip } from "../tell-skip.ts"
import { walk } from "../walk.ts"
import { asFolder, isFolderName } from "./place.ts"
import { isSameContent } from "./same-content.ts"
import type { CopyParts, Transfer, Transferred } from "./transfer.ts"

/** @throws StoredError INVALID_INPUT */
export async function* uploads(parts: CopyParts, from: string, to: string): AsyncGenerator<Transfer> {
  const { line, options } = parts
  const found = await stat(from).catch(() => null)
  if (!found) throw new StoredError("INVALID_INPUT", `There is no file ${from}.`)
  if (!found.isDirectory()) {
    yield uploadOf(parts, from, isFolderName(to) ? to + basename(resolve(from)) : to)
    return
  }
  if (!options.recursive) throw new StoredError("INVALID_INPUT", `${from} is a folder; use -r to copy what is in it.`)
  const skip = (path: string, reason: string): void => tellSkip(line, options, path, reason)
  for await (const { path, name } of walk(from, skip)) yield uploadOf(parts, path, asFolder(to) + name)
}

function uploadOf(parts: CopyParts, path: string, key: string): Transfer {
  return { from: path, to: `:${key}`, run: () => upload(parts, path, key) }
}

async function upload({ line, access, options, onBytes }: CopyParts, path: string, key: string): Promise<Transferred> {
  const there = options.force ? null : await access.stat(key)
  if (there && (options.skipExisting || (await isSameContent(path, await sizeOf(path), there)))) {
    return { outcome: "skipped", id: there.id, size: there.size }
  }
  let told = 0
  const { id, size } = await access.put(path, {
    key,
    ...(options.backends && { backends: options.backends }),
    signal: line.signal,
    onProgress: (bytes) => {
      onBytes(bytes - told)
      told = bytes
    },
  })
  onBytes(size - told)
  return { outcome: "copied", id, size }
}

/** A file that cannot be looked at is refused by the put itself, with its reason. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => -1,
  )
}
