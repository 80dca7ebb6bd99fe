/** What a range means, for stores that walk their keys in order: where to begin, and when to stop. */
import { compareKeys, successor } from "./order.ts"
import type { RowRange } from "./rows.ts"

/** The first key that can belong to the range; empty: from the beginning. */
export function rangeStart({ prefix = "", after }: RowRange): string {
  if (after === undefined) return prefix
  const next = successor(after)
  return compareKeys(next, prefix) > 0 ? next : prefix
}

/** Whether a key at or behind `rangeStart` is beyond the range; then so are all that follow. */
export function isBeyond(key: string, { prefix = "", before }: RowRange): boolean {
  if (prefix !== "" && !key.startsWith(prefix)) return true
  return before !== undefined && compareKeys(key, before) >= 0
}
