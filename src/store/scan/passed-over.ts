/** Places that are none of a scan's business: a pattern passes them over. What StoreD wrote itself is none of them, whatever it is called. */
import type { LocationRecord } from "../../catalog/record.ts"
import type { ScannedBackend } from "./scan-parts.ts"

export function isPassedOver(
  { isIgnored }: Pick<ScannedBackend, "isIgnored">,
  key: string,
  location: LocationRecord | null,
): boolean {
  return isIgnored(key) && (location === null || location.want === null || location.found === true)
}
