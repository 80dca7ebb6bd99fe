/** Listing in the order of the keys' bytes: a directory at a time, for rclone gives each whole and in no order. */
import * as z from "zod"
import { isStoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import type { BackendEntry, BackendListOptions, BackendStat, SkippedEntry } from "../backend.ts"
import { toKeyBytes } from "../key-bytes.ts"
import type { Places } from "../prefix-places.ts"

const itemSchema = z.object({ Name: z.string(), Size: z.number(), ModTime: z.string(), IsDir: z.boolean() })
export type RcloneItem = z.output<typeof itemSchema>
export const listedSchema = z.object({ list: z.array(itemSchema).nullable() })
export const statedSchema = z.object({ item: itemSchema.nullable() })

export function statOf({ Size, ModTime }: RcloneItem): BackendStat {
  return { size: Size, modified: Date.parse(ModTime) }
}

/** @param directory what lies in a directory, empty where there is none */
export async function* walk(
  directory: (path: string) => Promise<RcloneItem[]>,
  places: Places,
  skip: (entry: SkippedEntry) => void,
  { prefix = "", after = "", limit = Number.POSITIVE_INFINITY }: BackendListOptions,
): AsyncGenerator<BackendEntry> {
  const cursor = toKeyBytes(after)
  const isWanted = ({ path, bytes, item }: Found): boolean =>
    item.IsDir
      ? (path.startsWith(prefix) || prefix.startsWith(path)) && (bytes > cursor || cursor.startsWith(bytes))
      : path.startsWith(prefix) && bytes > cursor
  const look = async (folder: string): Promise<Found[]> =>
    (await directory(folder.slice(0, -1)))
      .map((item) => found(folder, item))
      .filter(isWanted)
      .sort(descending)
  const top = prefix.slice(0, prefix.lastIndexOf("/") + 1)
  if (limit <= 0 || (top !== "" && keyFault(top.slice(0, -1)) !== null)) return
  const waiting = await look(top)
  for (let left = limit, next = waiting.pop(), last = ""; next && left > 0; next = waiting.pop()) {
    const { path, item } = next
    const place = places.keyOf(item.IsDir ? `${path}x` : path)
    if (place === null) continue
    if ("invalid" in place || (item.Size < 0 && !item.IsDir))
      skip({ name: path, reason: "invalid" in place ? "invalid-name" : "not-a-file" })
    else if (item.IsDir) waiting.push(...(await look(path)))
    else if (path !== last) {
      left -= 1
      last = path
      yield { key: path, ...statOf(item) }
    }
  }
}

interface Found {
  /** with a slash at the end of a directory's */
  path: string
  bytes: string
  item: RcloneItem
}

function found(folder: string, item: RcloneItem): Found {
  const path = folder + item.Name + (item.IsDir ? "/" : "")
  return { path, bytes: toKeyBytes(path), item }
}

function descending(a: Found, b: Found): number {
  return a.bytes < b.bytes ? 1 : -1
}

/** What a call gives, or `absent` where there is no such file or directory. */
export async function unlessAbsent<Value>(call: Promise<Value>, absent: Value): Promise<Value> {
  try {
    return await call
  } catch (error) {
    if (isStoredError(error) && error.code === "NOT_FOUND") return absent
    throw error
  }
}
