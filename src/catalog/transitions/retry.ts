/** Puts parked jobs back to work: due now, with all their tries, and locations under a new generation. */
import { isUnkept } from "../../core/unkept.ts"
import type { Actor } from "../catalog.ts"
import type { OutboxRecord } from "../record.ts"
import { locationKey, parseNumberKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { follows, modeOf } from "./found/found-commit.ts"
import { append } from "./journal.ts"
import { drive, dueState, saveLocation } from "./location.ts"
import { readJob, schedule, syncQueue } from "./outbox.ts"

export interface RetryFilter extends Actor {
  backend?: string
  /** of the object, or of its copy at the backend */
  key?: string
  /** UTC ms: only rows parked before */
  before?: number
  limit: number
  time: number
}

/** How many. */
export function retryParked(rows: Rows, filter: RetryFilter): number {
  const chosen = choose(rows, filter)
  for (const job of chosen) {
    if (job.payload.kind === "sync") retrySync(rows, job, filter)
    else retryChecksum(rows, job, filter)
  }
  return chosen.length
}

function choose(rows: Rows, filter: RetryFilter): OutboxRecord[] {
  const chosen: OutboxRecord[] = []
  for (const [row, { queue, parkedAt }] of rows.range("parked", {})) {
    if (chosen.length >= filter.limit) break
    if (filter.backend !== undefined && queue !== syncQueue(filter.backend)) continue
    if (filter.before !== undefined && parkedAt >= filter.before) continue
    const job = readJob(rows, parseNumberKey(row))
    if (filter.before !== undefined && isLeftToPeople(rows, job)) continue
    if (filter.key === undefined || concerns(rows, job, filter.key)) chosen.push(job)
  }
  return chosen
}

/** A found file that somebody took away or changed, and bytes that are kept nowhere else: what becomes of them is not decided by time. */
function isLeftToPeople(rows: Rows, { payload, error }: OutboxRecord): boolean {
  if (payload.kind !== "sync") return false
  if (isUnkept(error)) return true
  const location = rows.get("locations", locationKey(payload.backend, payload.key))
  const mode = modeOf(rows, payload.backend)
  return location !== null && location.want !== null && location.state !== "failed" && follows({ mode }, location)
}

function concerns(rows: Rows, { payload }: OutboxRecord, key: string): boolean {
  if (payload.kind !== "sync") return false
  return payload.key === key || rows.get("locations", locationKey(payload.backend, payload.key))?.objectKey === key
}

function retrySync(rows: Rows, { payload }: OutboxRecord, filter: RetryFilter): void {
  if (payload.kind !== "sync") return
  const { time } = filter
  const before = rows.get("locations", locationKey(payload.backend, payload.key))
  if (!before) return
  const commit = { rows, drafts: new BlobDrafts(rows), time }
  const after = drive(commit, before, dueState(before))
  saveLocation(commit, before, after)
  commit.drafts.settle(time)
  const { backend, objectKey: key, want: id, generation } = after
  append(rows, { command: "retry", time, key, id, backend, actor: filter, detail: { generation } })
}

function retryChecksum(rows: Rows, { payload, sequence }: OutboxRecord, filter: RetryFilter): void {
  if (payload.kind !== "checksum") return
  schedule(rows, { payload, time: filter.time, sequence })
  append(rows, { command: "retry", time: filter.time, id: payload.id, actor: filter, detail: { kind: "checksum" } })
}
