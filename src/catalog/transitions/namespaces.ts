/**
 * What lies in the namespaces that tokens have quotas for, kept in the same transactions as the objects: exact at any time, whoever put or found what lies there, and at the
 * price of one look a folder of the key where there are quotas at all.
 *
 * A namespace that is new is counted page by page. Meanwhile only keys up to where the count stands are kept; those behind it will be met by the count.
 */
import { coversOf, isFolder, widest } from "../../core/access-prefix.ts"
import { QuotaExceededError } from "../../core/error.ts"
import type { TokenRecord, Usage } from "../record.ts"
import { namespaceKey } from "../rows/key.ts"
import { compareKeys } from "../rows/order.ts"
import type { ReadRows, Rows } from "../rows/rows.ts"
import type { NamespaceRow } from "../rows/tables.ts"
import { requireToken } from "./tokens.ts"
import { count, readTotals } from "./totals.ts"

const UNCOUNTED: NamespaceRow = { bytes: 0, objects: 0, countedTo: "" }

/** The object of a key comes, goes, or has another size. */
export function occupy(rows: Rows, key: string, added: Usage): void {
  if (readTotals(rows).namespaces === 0) return
  for (const prefix of coversOf(key)) {
    const row = namespaceKey(prefix)
    const known = rows.get("namespaces", row)
    if (known === null || !isCounted(known, key)) continue
    const namespace = rows.edit("namespaces", row, known)
    namespace.bytes += added.bytes
    namespace.objects += added.objects
  }
}

/** Whether what becomes of a key is kept; otherwise its count is still to come. */
export function isCounted({ countedTo }: NamespaceRow, key: string): boolean {
  return countedTo === null || compareKeys(key, countedTo) <= 0
}

/** The prefixes whose sum is what a token's quota is about; empty where it has none. */
export function namespacesOf({ quota, prefixes }: Pick<TokenRecord, "quota" | "prefixes">): string[] {
  return quota === null ? [] : prefixes === null ? [""] : widest(prefixes)
}

/** What lies in a token's namespace; null where it has no quota, or has one no more. */
export function usageOf(rows: ReadRows, token: Pick<TokenRecord, "quota" | "prefixes">): Usage | null {
  const usage: Usage = { bytes: 0, objects: 0 }
  for (const prefix of namespacesOf(token)) {
    const namespace = rows.get("namespaces", namespaceKey(prefix))
    if (namespace === null) return null
    usage.bytes += namespace.bytes
    usage.objects += namespace.objects
  }
  return token.quota && usage
}

/**
 * To be asked for before a token changes objects; what it gives is called after it, in the same transaction: refuses the change where the token's namespace has now more than its quota,
 * and more than it had. What makes less of it is let through, however full it is.
 * @param id of the token; absent: nothing is refused
 * @throws StoredError UNAUTHENTICATED where the token was revoked meanwhile
 */
export function quotaGuard(rows: ReadRows, id: string | undefined): () => void {
  if (id === undefined) return () => {}
  const token = requireToken(rows, id)
  const before = usageOf(rows, token)
  return () => {
    const after = usageOf(rows, token)
    for (const unit of ["bytes", "objects"] as const) {
      const limit = token.quota?.[unit] ?? null
      if (limit === null || before === null || after === null) continue
      if (after[unit] > limit && after[unit] > before[unit]) throw exceeded(unit, limit, before[unit], after[unit])
    }
  }
}

function exceeded(unit: "bytes" | "objects", limit: number, used: number, wanted: number): QuotaExceededError {
  return new QuotaExceededError(
    `The quota of this token, ${limit} ${unit}, does not allow ${wanted}; delete something, or ask for more.`,
    { retryable: false, details: { limit, used, unit } },
  )
}

/** Counts up to `limit` objects of a namespace that is not counted yet; true once all of it is. */
export function countNamespace(rows: Rows, { prefix, limit }: { prefix: string; limit: number }): boolean {
  const row = namespaceKey(prefix)
  const known = rows.get("namespaces", row)
  if (known?.countedTo === null) return true
  if (known === null) count(rows, { namespaces: 1 })
  const namespace = rows.edit("namespaces", row, UNCOUNTED)
  const after = namespace.countedTo === "" ? {} : { after: namespace.countedTo! }
  let seen = 0
  for (const [key, { size }] of rows.range("objects", { prefix, ...after, limit: isFolder(prefix) ? limit : 1 })) {
    // A key that only begins as the one that is meant.
    if (!isFolder(prefix) && key !== prefix) break
    seen += 1
    namespace.bytes += size
    namespace.objects += 1
    namespace.countedTo = key
  }
  if (isFolder(prefix) && seen === limit) return false
  namespace.countedTo = null
  return true
}

/** Forgets the namespaces of a token that no other has a quota for. */
export function releaseNamespaces(rows: Rows, gone: TokenRecord): void {
  const kept = new Set<string>()
  for (const [, token] of rows.range("tokens", {}))
    if (token.revoked === null && token.id !== gone.id) for (const prefix of namespacesOf(token)) kept.add(prefix)
  for (const prefix of namespacesOf(gone)) {
    const row = namespaceKey(prefix)
    if (kept.has(prefix) || rows.get("namespaces", row) === null) continue
    rows.remove("namespaces", row)
    count(rows, { namespaces: -1 })
  }
}
