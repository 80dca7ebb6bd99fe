/**
 * Whether what lies at a place is read, or only seen. Where content is not read unasked (`scan.hash: false`, A27) it is read where a scan was asked to, and where nothing
 * else clears up whether a copy is good: one that StoreD wrote and somebody touched, and one that was not what it should be when it was read.
 */
import type { BackendStat } from "../../backends/backend.ts"
import type { LocationRecord } from "../../catalog/record.ts"
import { isProvisional } from "../../core/blob-id.ts"
import { isSameState } from "../../core/seen-state.ts"
import type { ScannedBackend } from "./scan-parts.ts"

export function isToBeRead(
  { services, name, rules }: ScannedBackend,
  location: LocationRecord | null,
  state: BackendStat,
): boolean {
  if (rules.hash) return true
  if (!location || location.want === null) return false
  const isAsked = services.catalog.scan(name).hash
  if (isProvisional(location.want)) return isAsked
  const isSame = location.seen !== null && isSameState(location.seen, state)
  if (isSame) return location.state === "changed"
  return isAsked || location.found !== true || rules.mode === "enforce"
}
