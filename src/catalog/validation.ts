/** What a validation tells the catalog (D19): what was read of copies that were proven, and how far it has come. */
import type { SerializedError } from "../core/error.ts"
import type { SeenState } from "../core/seen-state.ts"
import type { Actor } from "./catalog.ts"
import type { FoundFact } from "./sightings.ts"
import type { ValidationCounts, ValidationKind, ValidationPlan, ValidationRecord } from "./validation-record.ts"

export type ValidationStep = "start" | "pause" | "resume" | "cancel" | "fail"

export interface ValidationFact extends Actor {
  /** a backend, or `STAGING_PLACE` */
  place: string
  kind: ValidationKind
  step: ValidationStep
  /** of `start` */
  begin?: Pick<ValidationRecord, "sample" | "seed" | "prefix" | "pattern" | "rate">
  /** of `fail` */
  error?: SerializedError
  /** UTC ms */
  time: number
}

/**
 * What was seen of one copy. `good`: its bytes are those of its id. `corrupt`: they are others. `changed`: somebody has touched it, and it is to be looked at.
 * `unreadable`: nobody knows. `passed`: it was not read, for example because it was overwritten meanwhile.
 */
export type CopyVerdict =
  | { type: "good"; by: "checksum" | "read-back"; seen: SeenState }
  | {
      type: "corrupt"
      seen: SeenState
      /** under which name its bytes lie in quarantine; null: they could not be kept */
      kept: string | null
      /** whether it may be put right without being asked: its bytes are kept, or nobody can read them */
      mend: boolean
    }
  | { type: "missing" }
  | { type: "changed"; size: number }
  | { type: "unreadable" | "passed" }

export interface ValidatedCopy {
  /** inside the backend */
  key: string
  /** of the location when it was read */
  generation: number
  /** that were read */
  bytes: number
  verdict: CopyVerdict
}

/** Copies that were read, and the place behind which the validation goes on. */
export interface ValidatedFact {
  place: string
  kind: ValidationKind
  /** of the validation; one that is not under way any more only takes the verdicts */
  number: number
  /** absent: as it was */
  cursor?: string
  isLast?: boolean
  /** what there is to read, once that was counted */
  plan?: ValidationPlan
  /** of a backend */
  copies?: ValidatedCopy[]
  /** of staging, where what was found bad is told the catalog elsewhere */
  counts?: Partial<ValidationCounts>
  /** UTC ms */
  time: number
}

export interface ValidatedCommit {
  record: ValidationRecord
  /** what was journalled of single objects */
  facts: FoundFact[]
  /** whether the backend has jobs now */
  nudge: boolean
  /** whether there are places to look at */
  looks: boolean
  sequence: number
}

/** The contract of the catalog about validations. The duties of the catalog hold here too. */
export interface ValidationCatalog {
  /** Starts, pauses, resumes or ends one. @throws NOT_FOUND, CONFLICT where there is none to do that to */
  step(fact: ValidationFact): Promise<ValidationRecord>
  /**
   * What was read of copies, together with how far it has come. Verdicts on what has moved on since count as `passed`. Proof of good copies is renewed; bad and
   * missing ones are proven no more, and due where they can be mended. @throws NOT_FOUND
   */
  take(fact: ValidatedFact): Promise<ValidatedCommit>
  /** The one of a place that is under way, or the last one; `idle` where there was none. */
  get(place: string, kind: ValidationKind): ValidationRecord
}
