/** The state of something at a backend, by which it is known to be as it was. */

export interface SeenState {
  /** bytes */
  size: number
  /** UTC ms */
  modified: number
  /** another one for every other state of what lies there */
  etag?: string
  /** which file it is, whatever it is called; absent where that is not told, and where several names lead to it */
  file?: string
}

/** What is kept of a state, to be compared with later ones. */
export function seenState({ size, modified, etag, file }: SeenState): SeenState {
  return { size, modified, ...(etag !== undefined && { etag }), ...(file !== undefined && { file }) }
}

/** Whether nothing has touched it since: by the etag where both have one. */
export function isSameState(seen: SeenState, found: SeenState): boolean {
  if (seen.size !== found.size) return false
  if (seen.etag !== undefined && found.etag !== undefined) return seen.etag === found.etag
  return seen.modified === found.modified
}
