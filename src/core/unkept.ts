/** A bad copy stays as it is for as long as its bytes are kept nowhere else (I8): no timer writes over them. People may. */
import type { SerializedError } from "./error.ts"

/** Why it is left as it is. */
export function unkept(backend: string, key: string): SerializedError {
  const message = `The copy "${key}" on backend "${backend}" is bad, and its bytes could not be kept: free space in quarantine, or heal it to have them replaced.`
  return { code: "CORRUPT", message, retryable: false, details: { unkept: true } }
}

export function isUnkept(error: SerializedError | null): boolean {
  return error?.details?.unkept === true
}
