/**
 * The key file of a data directory: master keys, one a line in base64 or hex. The first one seals, all of them open what they sealed, so that a key is rotated by
 * writing a new line above it. Made with mode 0600 when something is to be sealed for the first time; one that others can read is refused.
 */
import { constants } from "node:fs"
import { open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { StoredError } from "../core/error.ts"
import { MASTER_KEY_RULE, type MasterKey, makeMasterKey, parseMasterKey } from "../core/master-key.ts"

export const KEY_FILE = "master.key"

const MODE = 0o600
const OF_OTHERS = 0o077
const MOST_BYTES = 16 * 1024

/** Its keys in their order; none where there is no file. @throws StoredError SECRET_UNAVAILABLE where it is there and cannot be used */
export async function readKeyFile(path: string): Promise<MasterKey[]> {
  const text = await readPrivate(path)
  if (text === null) return []
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
  const keys = lines.map(parseMasterKey).filter((key) => key !== null)
  if (keys.length > 0 && keys.length === lines.length) return keys
  throw unusable(path, `has a line that is no key; ${MASTER_KEY_RULE} in each`)
}

async function readPrivate(path: string): Promise<string | null> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    const stat = await file.stat()
    if (!stat.isFile()) throw unusable(path, "is no regular file; put one there")
    if ((stat.mode & OF_OTHERS) !== 0) {
      const mode = (stat.mode & 0o777).toString(8)
      throw unusable(path, `can be read by others (mode ${mode}); see who did, and chmod 600 it`)
    }
    if (stat.size > MOST_BYTES) throw unusable(path, "is too large for a key file; name the right one")
    return await file.readFile("utf8")
  } catch (cause) {
    if (cause instanceof StoredError) throw cause
    const code = codeOf(cause)
    if (code === "ENOENT") return null
    throw unusable(path, `cannot be read (${code}); give this user access to a file of its own`, cause)
  }
}

/** Makes the file with one new key, whole or not at all. Whoever calls owns the data directory. @throws StoredError SECRET_UNAVAILABLE */
export async function makeKeyFile(path: string): Promise<MasterKey> {
  const { key, text } = makeMasterKey()
  const temporary = `${path}.new`
  try {
    await rm(temporary, { force: true })
    await writeDurably(temporary, `${text}\n`)
    await rename(temporary, path)
    await syncDirectory(dirname(path))
    return key
  } catch (cause) {
    await rm(temporary, { force: true })
    throw unusable(
      path,
      `cannot be made (${codeOf(cause)}); let this user write there, or set STORED_MASTER_KEY`,
      cause,
    )
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, "wx", MODE)
  await file.writeFile(text)
  await file.sync()
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r")
  await directory.sync()
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error)
}

function unusable(path: string, sentence: string, cause?: unknown): StoredError {
  return new StoredError("SECRET_UNAVAILABLE", `The key file ${path} ${sentence}.`, { cause, details: { path } })
}
