/** Objects under other keys of the same store: no byte passes through this process. */
import { StoredError } from "../../core/error.ts"
import { ManyRenames, skippedOf } from "./many-renames.ts"
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
  for await (const batch of batchesOf(access.list({ prefix: source, signal: line.signal }))) {
    const pairs = batch.map(({ key }) => ({ from: key, to: target + key.slice(source.length) }))
    yield* new ManyRenames(parts, verb, pairs).transfers()
  }
}

/** Pairs in one request. */
const TOGETHER = 100

async function* batchesOf<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item[]> {
  let batch: Item[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < TOGETHER) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function renameOf(parts: CopyParts, verb: "copy" | "move", from: string, to: string): Transfer {
  return { from: `:${from}`, to: `:${to}`, run: () => rename(parts, verb, from, to) }
}

async function rename(parts: CopyParts, verb: "copy" | "move", from: string, to: string): Promise<Transferred> {
  const skipped = await skippedOf(parts, verb, { from, to })
  if (skipped) return skipped
  const { line, access, options, onBytes } = parts
  const { id, size } = await access[verb](from, to, {
    ...(options.backends && { backends: options.backends }),
    signal: line.signal,
  })
  onBytes(size)
  return { outcome: verb === "copy" ? "copied" : "moved", id, size }
}
