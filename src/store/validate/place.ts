/** What the parts of a validation work with. */
import type { ValidatedFact } from "../../catalog/validation.ts"
import type { ValidateRules } from "../../core/validate-settings.ts"
import type { Budget } from "../scan/budget.ts"
import type { HashFiles } from "../scan/scan-parts.ts"
import type { StoreServices } from "../services.ts"

export interface ValidateParts {
  services: StoreServices
  hashFiles: HashFiles
}

/** A copy that can be read. */
export interface Copy {
  /** at its place */
  key: string
  /** bytes, as far as is known */
  size: number
}

export interface ReadOptions {
  /** asked for all that is read */
  budget: Budget
  signal: AbortSignal
}

/** The copies of one place: which there are, and how they are read. */
export interface Copies {
  /** Rows of the catalog behind a key, in order; `copy` null where nothing is there that could be compared. */
  page(options: { prefix: string; after?: string; limit: number }): { key: string; copy: Copy | null }[]
  /**
   * Reads copies of a page and tells what they are.
   * @throws StoredError ABORTED; retryable where the place is away: then nothing is known of any of them
   */
  read(copies: readonly Copy[], options: ReadOptions): Promise<Pick<ValidatedFact, "copies" | "counts">>
}

/** A place whose copies are read again. */
export interface ValidatedPlace extends ValidateParts {
  /** as people call it */
  name: string
  /** as the catalog calls it */
  place: string
  rules: ValidateRules
  copies: Copies
  /** Throws while nothing of it may be read. @throws StoredError retryable */
  requireWorkedOn(): void
  /** UTC ms since when there may be copies */
  since: number
  signal: AbortSignal
}
