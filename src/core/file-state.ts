/** The state of a local file, by which every part that looks at it tells the same. */
import type { Stats } from "node:fs"
import type { SeenState } from "./seen-state.ts"

export interface FileState extends SeenState {
  /** several names lead to this file: it has the same etag under each */
  linked?: true
}

/** The etag changes with every change of the file, also with one that keeps size and modification time. */
export function fileState(found: Stats): FileState {
  const file = found.ino.toString(36)
  return {
    size: found.size,
    modified: Math.round(found.mtimeMs),
    etag: `${file}-${Math.round(found.ctimeMs * 1000).toString(36)}`,
    ...(found.nlink > 1 ? { linked: true } : { file }),
  }
}
