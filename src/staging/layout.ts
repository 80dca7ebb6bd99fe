/**
 * Where things lie in a staging directory; `docs/staging-format.md` describes it for people. Content lies as in cacache's content store, so
 * that its readers can read it: `content-v2/<algorithm>/<aa>/<bb>/<the other 60 digits>`.
 */
import type { Dirent } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { type BlobId, isBlobId, splitBlobId } from "../core/blob-id.ts"
import { ID_ALGORITHMS } from "../core/checksum.ts"
import { storageError, systemCode } from "./system-error.ts"

export interface Layout {
  readonly root: string
  readonly content: string
  /** private files of what is under way */
  readonly temporary: string
  /** segments of the intake log */
  readonly log: string
  /** bad content, for people to look at */
  readonly quarantine: string
}

export function layoutOf(root: string): Layout {
  return {
    root,
    content: join(root, "content-v2"),
    temporary: join(root, "tmp"),
    log: join(root, "log"),
    quarantine: join(root, "quarantine"),
  }
}

/** The directory of a blob's content file. An id is well formed, so plain concatenation is safe, and it is done for every put. */
export function contentDirectory(layout: Layout, id: BlobId): string {
  const { algorithm, hex } = splitBlobId(id)
  return `${layout.content}/${algorithm}/${hex.slice(0, 2)}/${hex.slice(2, 4)}`
}

export function contentPath(layout: Layout, id: BlobId): string {
  return `${contentDirectory(layout, id)}/${splitBlobId(id).hex.slice(4)}`
}

/** Every file whose place is that of an id. What else lies there is passed over. Memory is one directory. */
export async function* contentFiles(layout: Layout): AsyncGenerator<{ id: BlobId; path: string }> {
  for (const algorithm of ID_ALGORITHMS) {
    const top = join(layout.content, algorithm)
    for (const first of await entries(top)) {
      for (const second of await entries(join(top, first.name))) {
        for (const file of await entries(join(top, first.name, second.name))) {
          const id = `${algorithm}:${first.name}${second.name}${file.name}`
          if (file.isFile() && isBlobId(id)) yield { id, path: contentPath(layout, id) }
        }
      }
    }
  }
}

async function entries(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (error) {
    const code = systemCode(error)
    if (code === "ENOENT" || code === "ENOTDIR") return []
    throw storageError(error, "list its content")
  }
}
