/** Whether a disk could not give back what is written on it: the bytes there are lost, whatever else lies on it. Another copy may still be good. */

import { isStoredError } from "./error.ts"

/** What the system says of bad blocks (EIO), and what file systems say whose own checksums do not fit (EBADMSG, EUCLEAN). */
const UNREADABLE = new Set(["EIO", "EBADMSG", "EUCLEAN"])

/** Looks through the causes too, and at the details that stay where an error crosses to another thread. */
export function isUnreadable(error: unknown): boolean {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    const system = isStoredError(fault) ? fault.details.system : "code" in fault ? fault.code : null
    if (UNREADABLE.has(String(system))) return true
  }
  return false
}
