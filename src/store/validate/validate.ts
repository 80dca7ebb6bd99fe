/** `validate` (D19): copies are read again, of one backend, of staging, or of all. */
import type { StoreServices } from "../services.ts"
import type { ValidateOptions, ValidateStatus } from "../validate-face.ts"
import { isOfKeys, STAGING } from "./validations.ts"

/** Those that have no keys are left out where a prefix or a pattern is given and nobody has named them. @throws StoredError UNKNOWN_BACKEND, CONFLICT, INVALID_INPUT */
export async function validate(
  { validations, backends }: StoreServices,
  name: string | undefined,
  options: ValidateOptions = {},
): Promise<ValidateStatus[]> {
  if (name !== undefined) return [await validations.start(name, options)]
  const names = validations.names().filter((each) => each !== STAGING || backends.has(STAGING) || !isOfKeys(options))
  const begun: ValidateStatus[] = []
  for (const each of names) begun.push(await validations.start(each, options))
  return begun
}
