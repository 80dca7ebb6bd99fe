/** `validate` (D19): copies are read again, of one backend, of staging, or of all. */
import type { StoreServices } from "../services.ts"
import type { ValidateOptions, ValidateStatus } from "../validate-face.ts"
import { STAGING } from "./validations.ts"

/** Those that can have no prefix are left out where there is one and nobody has named them. @throws StoredError UNKNOWN_BACKEND, CONFLICT, INVALID_INPUT */
export async function validate(
  { validations, backends }: StoreServices,
  name: string | undefined,
  options: ValidateOptions = {},
): Promise<ValidateStatus[]> {
  if (name !== undefined) return [await validations.start(name, options)]
  const names = validations.names().filter((each) => each !== STAGING || backends.has(STAGING) || !options.prefix)
  const begun: ValidateStatus[] = []
  for (const each of names) begun.push(await validations.start(each, options))
  return begun
}
