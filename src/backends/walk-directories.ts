/**
 * `list` for backends that know directories: the entries below a prefix in the order of their keys' bytes, of which only one directory of each level is held in
 * memory. A directory is read when its turn comes, so that what changes meanwhile is neither given twice nor lost.
 */
import { keyFault } from "../core/key.ts"
import type { BackendEntry, BackendListOptions, BackendStat, SkippedEntry } from "./backend.ts"
import { toKeyBytes } from "./key-bytes.ts"

export interface DirectoryItem {
  /** without its path */
  name: string
  /** of a file; `directory`, or null for what is neither */
  stat: BackendStat | "directory" | null
}

export interface WalkOptions extends BackendListOptions {
  /** what lies in a directory (`a/b`; the root is empty), in any order; nothing where there is none */
  directory(path: string): Promise<DirectoryItem[]>
  /** name of the driver's own folder in the root, which is passed over */
  own?: string
  onSkip(entry: SkippedEntry): void
}

export async function* walkDirectories(options: WalkOptions): AsyncGenerator<BackendEntry> {
  const { directory, own = "", onSkip, prefix = "", after = "", limit = Number.POSITIVE_INFINITY, passesOver } = options
  const cursor = toKeyBytes(after)
  const isWanted = ({ path, bytes, stat }: Found): boolean =>
    stat === "directory"
      ? (path.startsWith(prefix) || prefix.startsWith(path)) && (bytes > cursor || cursor.startsWith(bytes))
      : path.startsWith(prefix) && bytes > cursor
  const look = async (folder: string): Promise<Found[]> =>
    (await directory(folder.slice(0, -1)))
      .map(({ name, stat }) => found(folder + name, stat))
      .filter((each) => each.path !== own && each.path !== `${own}/` && isWanted(each))
      .sort(descending)
  const top = prefix.slice(0, prefix.lastIndexOf("/") + 1)
  const isOwn = own !== "" && top.startsWith(`${own}/`)
  if (limit <= 0 || isOwn || (top !== "" && keyFault(top.slice(0, -1)) !== null)) return
  const waiting = await look(top)
  for (let left = limit, next = waiting.pop(), last = ""; next && left > 0; next = waiting.pop()) {
    const { path, stat } = next
    if (keyFault(stat === "directory" ? `${path}x` : path) !== null) onSkip({ name: path, reason: "invalid-name" })
    else if (stat === null) onSkip({ name: path, reason: "not-a-file" })
    else if (stat === "directory") {
      if (!passesOver?.(path)) waiting.push(...(await look(path)))
    } else if (path !== last) {
      left -= 1
      last = path
      yield { key: path, ...stat }
    }
  }
}

interface Found {
  /** with a slash at the end of a directory's */
  path: string
  bytes: string
  stat: DirectoryItem["stat"]
}

function found(place: string, stat: DirectoryItem["stat"]): Found {
  const path = stat === "directory" ? `${place}/` : place
  return { path, bytes: toKeyBytes(path), stat }
}

function descending(a: Found, b: Found): number {
  return a.bytes < b.bytes ? 1 : -1
}
