/** A file by which a worker finds out whether it sees the server's staging directory: one that reads the same text there shares the disk. */
import { randomBytes } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { storageError } from "./system-error.ts"

const PROBE_FILE = "shared-disk-probe"

/** Written anew at each start, so that a copy of the directory is not taken for it. @throws StoredError of the disk */
export async function writeProbe(directory: string): Promise<{ file: string; text: string }> {
  const text = randomBytes(16).toString("hex")
  try {
    await writeFile(join(directory, PROBE_FILE), text, { mode: 0o644 })
  } catch (error) {
    throw storageError(error, "write the probe for workers")
  }
  return { file: PROBE_FILE, text }
}
