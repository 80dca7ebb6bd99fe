/** Which place a backend is, as its driver tells: found out, and no change that somebody has made. */
import type { JsonObject } from "../../core/json.ts"
import type { Rows } from "../rows/rows.ts"

export interface IdentityFact {
  backend: string
  identity: JsonObject
}

/** Not journalled. False: the catalog knows no such backend. */
export function identifyBackend(rows: Rows, { backend, identity }: IdentityFact): boolean {
  const known = rows.get("backends", backend)
  if (known === null) return false
  rows.put("backends", backend, { ...known, identity })
  return true
}
