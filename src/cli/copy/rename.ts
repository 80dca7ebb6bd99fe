/** Objects under other keys of the same store: no byte passes through this process. */
import { StoredError } from "../../core/error.ts"
import { asFolder, isFolderName, lastName } from "./place.ts"
import type { CopyParts, Transfer, Transferred } from "./transfer.ts"

/** @throws StoredError INVALID_INPUT */
export async function* renames(
  parts: CopyParts,
  verb: "copy" | "move",
  from: string,
  to: string,
): AsyncGenerator<Transfer> {
  const { line, access, options } = parts
  if (!options.recursive) {
    if (isFolderName(from)) throw new StoredError("INVALID_INPUT", `:${from} is a folder; use -r for what is in it.`)
    yield renameOf(parts, verb, from, isFolderName(to) ? to + lastName(from) : to)
    return
  }
  const [source, target] = [asFolder(from), asFolder(to)]
  // What is written would be listed again, and written again.
  if (source.startsWith(target) || target.startsWith(source)) {
    throw new StoredError(
      "INVALID_INPUT",
      `:${source} and :${target} lie within each other; go by way of another folder.`,
    )
  }
  for await (const { key } of access.list({ prefix: source, signal: line.signal })) {
    yield renameOf(parts, verb, key, target + key.slice(source.length))
  }
}

function renameOf(parts: CopyParts, verb: "copy" | "move", from: string, to: string): Transfer {
  return { from: `:${from}`, to: `:${to}`, run: () => rename(parts, verb, from, to) }
}

async function rename(
  { line, access, options, onBytes }: CopyParts,
  verb: "copy" | "move",
  from: string,
  to: string,
): Promise<Transferred> {
  if (!options.force && (verb === "copy" || options.skipExisting)) {
    const [source, there] = await Promise.all([options.skipExisting ? null : access.stat(from), access.stat(to)])
    if (there && (options.skipExisting || source?.id === there.id)) {
      return { outcome: "skipped", id: there.id, size: there.size }
    }
  }
  const { id, size } = await access[verb](from, to, {
    ...(options.backends && { backends: options.backends }),
    signal: line.signal,
  })
  onBytes(size)
  return { outcome: verb === "copy" ? "copied" : "moved", id, size }
}
