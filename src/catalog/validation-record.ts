/** What the catalog keeps of validations (D19): how far one has come that reads the copies of a place again. */
import type { SerializedError } from "../core/error.ts"
import type { ScanState } from "./record.ts"

/** How the catalog calls staging among the places that are validated; no backend has such a name. */
export const STAGING_PLACE = ":staging"

/** `asked`: somebody wanted it. `rolling`: it begins by itself, again and again, and waits while one that was asked for is under way. */
export type ValidationKind = "asked" | "rolling"

/** Copies that there are, and their bytes; and of these those that are to be read. */
export interface ValidationPlan {
  copies: number
  bytes: number
  chosen: number
  chosenBytes: number
}

export interface ValidationCounts {
  /** copies that were dealt with, and bytes that were read of them */
  copies: number
  bytes: number
  /** of the copies: what they were found to be */
  good: number
  corrupt: number
  missing: number
  /** touched by somebody, to be looked at */
  changed: number
  unreadable: number
  /** not read after all: overwritten or deleted meanwhile */
  passed: number
  /** of those that are corrupt: whose bytes lie in quarantine */
  kept: number
  /** of those that are missing or corrupt: which are being brought back from another copy */
  healing: number
}

/** How far a validation has come that reads the copies of a place again (D19), or how the last one ended. */
export interface ValidationRecord extends ValidationCounts {
  /** a backend, or `STAGING_PLACE` */
  place: string
  kind: ValidationKind
  /** grows with each one of this place and kind */
  number: number
  state: ScanState
  /** share of the copies that is read, above 0 and at most 1; which ones, the seed decides */
  sample: number
  seed: string
  /** only copies whose key at the backend begins so */
  prefix: string
  /** only copies whose key at the backend matches it (`core/pattern.ts`); absent: all */
  pattern?: string
  /** bytes a second; null: as many as there are, or, where it is rolling, as its time asks for */
  rate: number | null
  /** the last key that was dealt with and committed; null before the first */
  cursor: string | null
  /** UTC ms */
  started: number
  /** UTC ms, of its last step */
  modified: number
  /** null: not counted yet */
  plan: ValidationPlan | null
  error: SerializedError | null
  /** UTC ms of the beginning of the last one that has read every copy and came to its end; null before the first */
  validAsOf: number | null
}
