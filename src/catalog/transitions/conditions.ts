/** What a caller may demand of a key before anything is written. */
import { ConflictError } from "../../core/error.ts"
import type { ObjectRecord } from "../record.ts"

export interface Conditions {
  key: string
  /** 0: no such key */
  ifVersion?: number
  ifAbsent?: boolean
}

/** @throws ConflictError `details.key`, `details.version` (0: no such key) */
export function requireConditions(conditions: Conditions, current: ObjectRecord | null): void {
  const { key, ifVersion, ifAbsent } = conditions
  const version = current?.version ?? 0
  if (ifAbsent && current) {
    throw new ConflictError(`The key "${key}" exists already; it has version ${version}.`, {
      details: { key, version },
    })
  }
  if (ifVersion === undefined || ifVersion === version) return
  const found = current ? `version ${version}` : "no object"
  throw new ConflictError(`The key "${key}" has ${found}, not version ${ifVersion}; read it again and decide anew.`, {
    details: { key, version },
  })
}
