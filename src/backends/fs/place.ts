/**
 * Where a key lies below the root: its directory and its name. The front door has checked the key; it is checked again here, because this is
 * the last place where it is not yet a path.
 */
import { PermanentAdapterError, StoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"

/** Files that are being written lie in this directory of the root. It is not part of the backend's keys. */
export const TEMPORARY = ".stored-tmp"
const MAX_NAME_BYTES = 255

export interface Place {
  /** directory below the root, empty for the root itself */
  dir: string
  name: string
}

/** @throws StoredError INVALID_KEY, BACKEND_REFUSED for keys in the driver's own directory */
export function placeOf(key: string): Place {
  const fault = keyFault(key)
  if (fault) throw new StoredError("INVALID_KEY", `Invalid key: ${fault}.`)
  if (isReserved(key)) {
    throw new PermanentAdapterError(
      "BACKEND_REFUSED",
      `"${key}" cannot be used on this backend: "${TEMPORARY}" holds files that are being written. Choose another key.`,
    )
  }
  const slash = key.lastIndexOf("/")
  return { dir: slash < 0 ? "" : key.slice(0, slash), name: key.slice(slash + 1) }
}

/** Whether a key or prefix leads into the driver's own directory. */
export function isReserved(key: string): boolean {
  return key === TEMPORARY || key.startsWith(`${TEMPORARY}/`)
}

/** Refuses names that no file system takes, before anything is written. @throws StoredError BACKEND_REFUSED */
export function requireNameLengths(key: string): void {
  if (key.length <= MAX_NAME_BYTES / 3) return
  for (const name of key.split("/")) {
    const bytes = Buffer.byteLength(name)
    if (bytes <= MAX_NAME_BYTES) continue
    throw new PermanentAdapterError(
      "BACKEND_REFUSED",
      `A part of the key has ${bytes} bytes; a file name holds at most ${MAX_NAME_BYTES}. Break it up with "/".`,
    )
  }
}

/** The directory above; the root is above the first. */
export function parentOf(dir: string): string {
  return dir.slice(0, Math.max(0, dir.lastIndexOf("/")))
}

export function nameOf(dir: string): string {
  return dir.slice(dir.lastIndexOf("/") + 1)
}
