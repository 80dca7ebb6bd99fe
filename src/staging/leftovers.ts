/** What lies in a staging directory beside content: private files that nobody writes any more, and bad content that was moved aside. */
import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { type BlobId, isBlobId } from "../core/blob-id.ts"
import type { Layout } from "./layout.ts"
import type { Leftover } from "./staging.ts"
import { storageError, systemCode } from "./system-error.ts"

/** `<algorithm>-<hex>-<time>-<inode>`, as `quarantine.ts` names it */
const QUARANTINED = /^([a-z0-9]+)-([0-9a-f]+)-/

/** @param isInUse private files that somebody writes */
export async function* findLeftovers(layout: Layout, isInUse: (path: string) => boolean): AsyncGenerator<Leftover> {
  for (const name of await names(layout.temporary)) {
    const path = join(layout.temporary, name)
    if (!isInUse(path)) yield* look({ kind: "temporary", path, id: null })
  }
  for (const name of await names(layout.quarantine)) {
    yield* look({ kind: "quarantined", path: join(layout.quarantine, name), id: quarantinedId(name) })
  }
}

export async function removeLeftover({ path }: Leftover): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw storageError(error, `remove ${path}`)
  }
}

function quarantinedId(name: string): BlobId | null {
  const [, algorithm, hex] = QUARANTINED.exec(name) ?? []
  const id = `${algorithm}:${hex}`
  return isBlobId(id) ? id : null
}

async function* look(leftover: Omit<Leftover, "size">): AsyncGenerator<Leftover> {
  try {
    yield { ...leftover, size: (await stat(leftover.path)).size }
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw storageError(error, `look at ${leftover.path}`)
  }
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).toSorted()
  } catch (error) {
    if (systemCode(error) === "ENOENT") return []
    throw storageError(error, `list ${directory}`)
  }
}
