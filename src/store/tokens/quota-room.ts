/**
 * What a put may take of its token's quota, looked at before its bytes are: the transaction decides again in the end, for many may look at the same room at the same time.
 */
import type { Catalog } from "../../catalog/catalog.ts"
import { QuotaExceededError } from "../../core/error.ts"

type Reads = Pick<Catalog, "tokens" | "object">

export interface QuotaRoom {
  /** bytes that the put may have */
  left: number
  /** bytes that are allowed in all, and that lay there */
  quota: { limit: number; used: number }
}

/**
 * Bytes that a put under this key may have, null where there is no limit.
 * @param size of the put, where it is known
 * @throws QuotaExceededError where it is bound to be refused
 */
export function quotaRoom(
  catalog: Reads,
  { token: id, key, size }: { token: string | undefined; key: string | null; size: number | undefined },
): QuotaRoom | null {
  const quota = id === undefined ? null : (catalog.tokens.get(id)?.quota ?? null)
  const usage = id === undefined ? null : catalog.tokens.usage(id)
  if (quota === null || usage === null) return null
  const before = key === null ? null : catalog.object(key)
  if (quota.objects !== null && before === null && usage.objects >= quota.objects)
    throw quotaExceeded({ limit: quota.objects, used: usage.objects, unit: "objects" })
  if (quota.bytes === null) return null
  const held = before?.size ?? 0
  // What is there already may be replaced by as much, however full it is.
  const left = Math.max(held, quota.bytes - usage.bytes + held)
  const known = { limit: quota.bytes, used: usage.bytes }
  if (size !== undefined && size > left) throw quotaExceeded({ ...known, unit: "bytes" })
  return { left, quota: known }
}

export function quotaExceeded(details: { limit: number; used: number; unit: "bytes" | "objects" }): QuotaExceededError {
  return new QuotaExceededError(
    `The quota of this token, ${details.limit} ${details.unit}, leaves no room for this; delete something, or ask for more.`,
    { retryable: false, details },
  )
}
