/**
 * File systems that take several spellings for one name: `Photo` and `photo` (exFAT, NTFS, SMB shares, ext4 with casefold), or the same letters as other code
 * points (APFS, ZFS with normalization). Keys are told apart by their bytes, so there a key is only what is spelled exactly so: anything else is absent, and
 * a put that would land on another key's file is refused.
 */
import { opendir } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { throwIfAborted } from "../../core/error.ts"
import { errorCode, isAbsence, lstat, unlink } from "./calls.ts"
import type { Directories } from "./directories.ts"
import type { Directory } from "./directory.ts"
import { refused } from "./error.ts"
import { TEMPORARY } from "./place.ts"
import type { Temporaries } from "./temporary.ts"

const UNTRIED = new Set(["EILSEQ", "EINVAL", "EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT"])

/** A name that nothing in the directory's list explains is looked at so often, so many ms apart: FUSE keeps names for a second. */
const LOOKS = 15
const PAUSE = 100

/**
 * Whether the root takes several spellings for one name. What is below it is taken to be like it.
 * @param temporaries null where nothing can be written: then only upper and lower case are tried
 */
export async function foldsNames(directories: Directories, temporaries: Temporaries | null): Promise<boolean> {
  const root = await directories.find("")
  if (!root) return false
  try {
    if (await isOtherSpelling(root, TEMPORARY.toUpperCase())) return true
  } finally {
    directories.release(root)
  }
  return temporaries !== null && (await normalises(temporaries))
}

async function normalises(temporaries: Temporaries): Promise<boolean> {
  try {
    const file = await temporaries.createNamed()
    try {
      return await isOtherSpelling(file.directory, file.name.normalize("NFD"))
    } finally {
      await unlink(file.path)
      temporaries.release(file)
    }
  } catch (error) {
    // It takes no such names, or nothing now.
    if (UNTRIED.has(errorCode(error))) return false
    throw error
  }
}

/** Something is found under that name which is not called so. */
async function isOtherSpelling(directory: Directory, name: string): Promise<boolean> {
  return (await isThere(directory, name)) && !(await isSpelledSo(directory, name))
}

/** Whether an entry has that very name. Asked of the directory's own list: whoever is asked by the name answers to any spelling. */
export async function isSpelledSo(directory: Directory, name: string): Promise<boolean> {
  for await (const entry of await opendir(directory.place())) if (entry.name === name) return true
  return false
}

/** @throws StoredError BACKEND_REFUSED where another key's file or directory answers to that name; ABORTED */
export async function refuseOtherSpelling(directory: Directory, name: string, signal?: AbortSignal): Promise<void> {
  let other: string | null = null
  for (let looks = 1; ; looks += 1) {
    if (!(await isOtherSpelling(directory, name))) return
    other = await namesake(directory, name)
    if (other !== null || looks > LOOKS) break
    // The kernel may go on answering for a file that is gone, by a spelling of which the file system never told it.
    await sleep(PAUSE, undefined, { signal }).catch(() => throwIfAborted(signal))
  }
  const what = other === null ? "another entry" : `"${other}"`
  const reason = `this file system takes it for the name of ${what}, which is there; choose another key, or a backend that tells them apart`
  throw refused(`write "${name}"`, reason)
}

async function namesake(directory: Directory, name: string): Promise<string | null> {
  for await (const entry of await opendir(directory.place())) if (folded(entry.name) === folded(name)) return entry.name
  return null
}

/** Every file system has rules of its own: what this does not find may be there all the same. */
function folded(name: string): string {
  return name.normalize("NFKD").toUpperCase()
}

async function isThere(directory: Directory, name: string): Promise<boolean> {
  try {
    await lstat(directory.at(name))
    return true
  } catch (error) {
    if (isAbsence(error)) return false
    throw error
  }
}
