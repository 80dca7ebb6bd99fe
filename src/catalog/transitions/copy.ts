/** `copy` and `move`: another key names the blob of an object, with all that is said of it; `move` takes the first key away in the same transaction. */
import { ConflictError, NotFoundError } from "../../core/error.ts"
import type { DeleteCommit } from "../catalog.ts"
import type { CopyFact } from "../copy-fact.ts"
import type { Rows } from "../rows/rows.ts"
import { requireConditions } from "./conditions.ts"
import { remove } from "./delete.ts"
import { quotaGuard } from "./namespaces.ts"
import { type PutResult, put } from "./put.ts"

export interface CopyResult extends PutResult {
  /** null for a copy */
  removed: DeleteCommit | null
}

/** @throws StoredError NOT_FOUND, CONFLICT (retryable where the bytes are not staged), QUOTA_EXCEEDED, and as `put` */
export function copy(rows: Rows, fact: CopyFact): CopyResult {
  const { from, ifFromVersion, moves, custom, mimeType, token, ...rest } = fact
  const requireRoom = quotaGuard(rows, token)
  const source = rows.get("objects", from)
  if (!source) throw new NotFoundError(`There is no "${from}" here.`, { details: { key: from } })
  requireConditions({ key: from, ...(ifFromVersion !== undefined && { ifVersion: ifFromVersion }) }, source)
  const blob = rows.get("blobs", source.id)!
  // Its copies may go as soon as it is gone: jobs of the new ones must have bytes that stay until these are proven.
  if (!blob.staged) {
    throw new ConflictError(`The bytes of "${from}" were dropped from staging meanwhile; try again.`, {
      retryable: true,
      details: { key: from, id: source.id, staged: false },
    })
  }
  const made = put(rows, {
    ...rest,
    id: source.id,
    size: source.size,
    checksums: blob.checksums,
    custom: custom ?? source.custom,
    mimeType: mimeType ?? source.mimeType,
    ...(source.attributes && { attributes: source.attributes }),
    from,
  })
  const { idempotencyKey, principal, requestId, time } = fact
  const actor = {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(principal !== undefined && { principal }),
    ...(requestId !== undefined && { requestId }),
  }
  const removed = moves ? remove(rows, { key: from, to: fact.key, time, ...actor }) : null
  // A move within a full namespace adds nothing to it.
  requireRoom()
  return { ...made, removed }
}
