/** For what a backend may find absent at any time. */
import { isStoredError } from "../core/error.ts"

/** What a call gives, or `absent` where it fails with NOT_FOUND. */
export async function unlessAbsent<Value>(call: Promise<Value>, absent: Value): Promise<Value> {
  try {
    return await call
  } catch (error) {
    if (isStoredError(error) && error.code === "NOT_FOUND") return absent
    throw error
  }
}
