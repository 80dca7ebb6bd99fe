/** Content came into staging again, or was found bad there, or may leave it. */
import type { BlobId } from "../../core/blob-id.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Actor } from "../catalog.ts"
import type { JournalCommand } from "../record.ts"
import type { Rows } from "../rows/rows.ts"
import type { BlobRow } from "../rows/tables.ts"
import { isEvictable, saveBlob } from "./blob.ts"
import { append } from "./journal.ts"

/** False: there is no such blob any more. */
export function stage(rows: Rows, id: BlobId, time: number): boolean {
  const blob = rows.get("blobs", id)
  if (!blob) return false
  if (!blob.staged) move(rows, blob, { staged: true, lastRead: time }, "stage", time, {})
  return true
}

export function corrupt(rows: Rows, id: BlobId, detail: JsonObject, time: number): void {
  const blob = rows.get("blobs", id)
  if (blob?.staged) move(rows, blob, { staged: false }, "corrupt", time, detail)
}

/** Looks again whether it may go. False: it may not, or is not there. */
export function evict(
  rows: Rows,
  id: BlobId,
  time: number,
  { forced = false, ...actor }: { forced?: boolean } & Actor = {},
): boolean {
  const blob = rows.get("blobs", id)
  if (!blob || !isEvictable(blob)) return false
  move(rows, blob, { staged: false }, "evict", time, forced ? { forced } : {}, actor)
  return true
}

function move(
  rows: Rows,
  blob: BlobRow,
  change: Partial<BlobRow>,
  command: JournalCommand,
  time: number,
  detail: JsonObject,
  actor: Actor = {},
): void {
  saveBlob(rows, blob, { ...blob, ...change, modified: time })
  append(rows, { command, time, id: blob.id, actor, detail })
}
