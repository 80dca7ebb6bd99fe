/** Validations over any engine: the part of the row catalog that is about them. */
import type { ReadRows, Rows } from "./rows/rows.ts"
import { neverValidated, stepValidation, validationKey } from "./transitions/validate.ts"
import { takeValidated } from "./transitions/validate-copies.ts"
import type { ValidatedCommit, ValidatedFact, ValidationCatalog, ValidationFact } from "./validation.ts"
import type { ValidationKind, ValidationRecord } from "./validation-record.ts"

type Commit = <Result>(options: { frees: boolean }, transition: (rows: Rows) => Result) => Promise<Result>

const GROWS = { frees: false }

export class RowValidations implements ValidationCatalog {
  readonly #rows: ReadRows
  readonly #commit: Commit

  constructor(rows: ReadRows, commit: Commit) {
    this.#rows = rows
    this.#commit = commit
  }

  step(fact: ValidationFact): Promise<ValidationRecord> {
    return this.#commit(GROWS, (rows) => stepValidation(rows, fact))
  }

  take(fact: ValidatedFact): Promise<ValidatedCommit> {
    return this.#commit(GROWS, (rows) => takeValidated(rows, fact))
  }

  get(place: string, kind: ValidationKind): ValidationRecord {
    return { ...(this.#rows.get("validations", validationKey(place, kind)) ?? neverValidated(place, kind)) }
  }
}
