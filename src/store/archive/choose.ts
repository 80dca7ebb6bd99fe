/** Which objects an archive has, and what is known of them before the first is read. */
import { NotFoundError, StoredError, throwIfAborted } from "../../core/error.ts"
import { parseKey, parsePrefix } from "../../core/key.ts"
import type { ListedObject, StoreFace } from "../store.ts"
import type { ArchiveOptions } from "./archive-face.ts"

export const MOST_KEYS = 10_000
/** So many of a prefix are listed before the first is read, to know how long the archive will be. */
const AHEAD = 5_000
/** Of thousands of keys that are not there, the first few tell what is wrong. */
const SHOWN_KEYS = 100

export interface Listed {
  key: string
  /** what its name in the archive is made of */
  path: string
  /** bytes */
  size: number
  mimeType: string
  /** UTC ms */
  modified: number
}

export interface Choice {
  chosen: AsyncIterable<Listed>
  /** all of them, null where there are more than are looked at beforehand */
  all: readonly Listed[] | null
  /** with its slash, or empty */
  folder: string
}

type Sources = Pick<StoreFace, "list">

/** @throws StoredError NOT_FOUND, INVALID_INPUT, INVALID_KEY */
export async function choose(sources: Sources, options: ArchiveOptions, signal: AbortSignal): Promise<Choice> {
  const { keys, prefix } = options
  if ((keys === undefined) === (prefix === undefined)) {
    throw new StoredError("INVALID_INPUT", "An archive is made of keys or of a prefix; give one of the two.")
  }
  throwIfAborted(signal)
  return keys ? byKeys(sources, keys, signal) : byPrefix(sources, parsePrefix(prefix), signal)
}

async function byKeys(sources: Sources, given: readonly string[], signal: AbortSignal): Promise<Choice> {
  const keys = [...new Set(given.map(parseKey))]
  if (keys.length === 0 || keys.length > MOST_KEYS) {
    throw new StoredError("INVALID_INPUT", `${keys.length} keys are given; give 1 to ${MOST_KEYS}, or a prefix.`)
  }
  const all: Listed[] = []
  const missing: string[] = []
  for (const key of keys) {
    throwIfAborted(signal)
    const [found] = await Array.fromAsync(sources.list({ prefix: key, limit: 1, signal }))
    if (found?.key !== key) missing.push(key)
    else all.push(toListed(found, ""))
  }
  if (missing.length === 0) return { chosen: each(all), all, folder: "" }
  const fault = missing.length === 1 ? `There is no "${missing[0]}"` : `${missing.length} of these keys name nothing`
  throw new NotFoundError(`${fault}; leave out what is not there.`, {
    details: { keys: missing.slice(0, SHOWN_KEYS), count: missing.length },
  })
}

async function byPrefix(sources: Sources, prefix: string, signal: AbortSignal): Promise<Choice> {
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1)
  const listing = listed(sources, prefix, folder, signal)
  const first: Listed[] = []
  for (let turn = await listing.next(); !turn.done; turn = await listing.next()) {
    first.push(turn.value)
    if (first.length === AHEAD) return { chosen: andRest(first, listing), all: null, folder }
  }
  if (first.length > 0) return { chosen: each(first), all: first, folder }
  throw new NotFoundError(prefix === "" ? "There are no objects." : `There is nothing under "${prefix}".`, {
    details: { prefix },
  })
}

async function* listed(
  sources: Sources,
  prefix: string,
  folder: string,
  signal: AbortSignal,
): AsyncGenerator<Listed, void, undefined> {
  for await (const object of sources.list({ prefix, signal })) yield toListed(object, folder)
}

/** With the object's own time: what is told of it by `stat` moves on with its copies. */
function toListed({ key, size, mimeType, modified }: ListedObject, folder: string): Listed {
  return { key, path: key.slice(folder.length), size, mimeType, modified }
}

async function* each(items: readonly Listed[]): AsyncGenerator<Listed> {
  yield* items
}

async function* andRest(first: Listed[], rest: AsyncIterable<Listed>): AsyncGenerator<Listed> {
  yield* first
  first.length = 0
  yield* rest
}
