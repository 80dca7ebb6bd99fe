/** Where a key lies on a remote: below the prefix, and never in the folder that a driver keeps for itself. For drivers whose remotes know keys only. */
import { createHash } from "node:crypto"
import { PermanentAdapterError, StoredError } from "../core/error.ts"
import { keyFault } from "../core/key.ts"

/** What the driver keeps for itself lies in this folder of the prefix. It is not part of the backend's keys. */
const OWN = ".stored-tmp"
/** S3's limit, bytes */
export const MAX_OBJECT_KEY_BYTES = 1024

export class Places {
  /** what every object key starts with: empty, or a folder with its slash */
  readonly root: string
  /** the driver's own folder, with its slash */
  readonly own: string

  constructor(prefix: string) {
    this.root = prefix === "" ? "" : `${prefix}/`
    this.own = `${this.root}${OWN}/`
  }

  get maxKeyBytes(): number {
    return MAX_OBJECT_KEY_BYTES - Buffer.byteLength(this.root)
  }

  /** The object key. The front door has checked the key; this is the last place to see that it stays below the prefix. @throws StoredError INVALID_KEY, BACKEND_REFUSED */
  objectKey(key: string): string {
    const fault = keyFault(key)
    if (fault) throw new StoredError("INVALID_KEY", `Invalid key: ${fault}.`)
    if (key === OWN || key.startsWith(`${OWN}/`)) {
      const message = `"${key}" cannot be used on this backend: "${OWN}" holds what is being written. Choose another key.`
      throw new PermanentAdapterError("BACKEND_REFUSED", message)
    }
    const full = this.root + key
    if (Buffer.byteLength(full) <= MAX_OBJECT_KEY_BYTES) return full
    const message = `"${key}" is too long for this backend: with its prefix it has more than ${MAX_OBJECT_KEY_BYTES} bytes.`
    throw new PermanentAdapterError("BACKEND_REFUSED", message)
  }

  /** The key of an object, or null where it is none: the driver's own, or no valid key. */
  keyOf(objectKey: string): { key: string } | { invalid: string } | null {
    if (!objectKey.startsWith(this.root) || objectKey.startsWith(this.own)) return null
    const key = objectKey.slice(this.root.length)
    return keyFault(key) === null && key !== OWN ? { key } : { invalid: key }
  }

  /** Where the note about an unfinished upload of this object lies. */
  noteKey(objectKey: string): string {
    return `${this.own}uploads/${createHash("sha256").update(objectKey).digest("hex")}`
  }
}
