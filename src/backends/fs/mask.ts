/**
 * Finds out which permission bits the system takes away from new files in the root, by making one: the process's mask, default ACLs and mount
 * options all count. So most puts can give a file its mode when they make it, without a call of its own. Shows moreover that the root can be written.
 */
import { close, errorCode, fstat, unlink } from "./calls.ts"
import type { Temporaries } from "./temporary.ts"

const ALL = 0o777
const UNWRITABLE = new Set(["EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT"])

/** The bits, or null where nothing can be written now. */
export async function probeMask(temporaries: Temporaries): Promise<number | null> {
  try {
    const file = await temporaries.create(ALL)
    try {
      return ALL & ~(await fstat(file.fd)).mode
    } finally {
      await close(file.fd)
      await unlink(file.path)
      temporaries.release(file)
    }
  } catch (error) {
    if (UNWRITABLE.has(errorCode(error))) return null
    throw error
  }
}
