/**
 * Symbolic links that are followed inside the root (`scan.symlinks: "follow"`), and only to be looked at and read. A link is never passed by the system on our behalf: it is resolved to
 * the key of what it leads to, and that key is then used as any other, over no link. So what is put in the way between the two is refused, and nothing outside the root is ever opened.
 */
import { realpathSync } from "node:fs"
import { realpath } from "node:fs/promises"
import { join } from "node:path"
import { isStoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import type { BackendStat } from "../backend.ts"
import { errorCode, isAbsence } from "./calls.ts"
import { isReserved } from "./place.ts"

/** Uses a key, or where a link is in its way what it leads to. @param root absolute, real */
export async function throughLinks<Result>(
  root: string,
  key: string,
  use: (key: string) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(key)
  } catch (error) {
    if (!isStoredError(error) || error.code !== "BACKEND_REFUSED") throw error
    const real = await realKey(root, key)
    if (real === null || real === key) throw error
    return use(real)
  }
}

/** The key of what a key leads to; null where that is nothing, or lies outside the root or in the driver's own directory. Empty: the root itself. */
export async function realKey(root: string, key: string): Promise<string | null> {
  try {
    return keyBelow(root, await realpath(join(root, key)))
  } catch (error) {
    if (isAbsence(error) || errorCode(error) === "ELOOP" || errorCode(error) === "EACCES") return null
    throw error
  }
}

/** Likewise as a path, for who opens it and compares what was opened; the path of the key where it leads nowhere. */
export function realPath(root: string, key: string): string {
  const path = join(root, key)
  try {
    const real = realpathSync.native(path)
    return keyBelow(root, real) === null ? path : real
  } catch {
    // Whoever opens it meets the same fault, and knows what to make of it.
    return path
  }
}

/** The state of a file as it is told under the key of a link: as of one with several names. */
export function asLinked({ file: _, ...state }: BackendStat): BackendStat {
  return { ...state, linked: true }
}

function keyBelow(root: string, path: string): string | null {
  if (path === root) return ""
  const base = root.endsWith("/") ? root : `${root}/`
  if (!path.startsWith(base)) return null
  const key = path.slice(base.length)
  return isReserved(key) || keyFault(key) ? null : key
}
