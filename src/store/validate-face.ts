/** The verbs that read copies again (D19): what was proven once may have gone bad since. */
import type { ScanState } from "../catalog/record.ts"
import type { ValidationCounts, ValidationRecord } from "../catalog/validation-record.ts"
import type { SerializedError } from "../core/error.ts"

export interface ValidateOptions {
  /** share of the copies that is read, above 0 and at most 1; absent: all of them */
  sample?: number
  /** decides which copies a sample is made of; absent: another one each time */
  seed?: string
  /** only copies whose key at the backend begins so; not for staging */
  prefix?: string
  /** only copies whose key at the backend matches: `*` is any text without a slash, `**` any text, `?` one character; not for staging */
  pattern?: string
  /** most that is read, in bytes a second; absent: as much as there is */
  rate?: number
  principal?: string
  requestId?: string
}

/** How far the validation has come that begins by itself, or how the last one ended. */
export interface RollingStatus extends Omit<ValidationRecord, "place" | "kind"> {
  /** ms in which each is to be done; null: none begins by itself */
  every: number | null
  /** UTC ms at which the next one begins, by when this one should be done; null: none does */
  due: number | null
  /** it cannot be done by then at the pace that it is allowed */
  late: boolean
}

/** How far the validation of a place has come that somebody asked for, or how the last one ended; and the one that begins by itself. */
export interface ValidateStatus extends Omit<ValidationRecord, "place" | "kind"> {
  /** the name of the backend, or `staging` */
  backend: string
  /** why it does not go on now, which it will by itself; null: it does, or there is nothing to do */
  waiting: SerializedError | null
  rolling: RollingStatus
}

/** What of it a person wants to see beside everything else. */
export interface BackendValidation extends Pick<ValidationCounts, "corrupt" | "missing" | "unreadable"> {
  state: ScanState
  /** whether it has begun by itself */
  rolling: boolean
  /** copies that were dealt with, and those that are to be; null: not counted yet */
  copies: number
  chosen: number | null
  /** the one that begins by itself will not be done in its time */
  late: boolean
  /** UTC ms of the beginning of the last one that has read every copy; null before the first */
  validAsOf: number | null
}

export interface ValidateFace {
  /**
   * Reads the copies of a backend, or of `staging`, again, or, without a name, of all of them: resolves once it has begun. Copies whose bytes are not those of
   * their id are put aside and brought back from another copy. One that is under way or paused goes on.
   * @throws UNKNOWN_BACKEND, INVALID_INPUT, CONFLICT where another one is under way
   */
  validate(backend?: string, options?: ValidateOptions): Promise<ValidateStatus[]>
  /** @throws UNKNOWN_BACKEND */
  validateStatus(backend: string): ValidateStatus | Promise<ValidateStatus>
  /** @throws UNKNOWN_BACKEND, CONFLICT where none is under way that was asked for */
  pauseValidate(backend: string, options?: Pick<ValidateOptions, "principal" | "requestId">): Promise<ValidateStatus>
  /** @throws UNKNOWN_BACKEND, CONFLICT where none is under way that was asked for */
  cancelValidate(backend: string, options?: Pick<ValidateOptions, "principal" | "requestId">): Promise<ValidateStatus>
}
