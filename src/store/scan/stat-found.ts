/** What lies at a place now. A link, or anything else that is no file, is nothing that could be taken in. */
import type { BackendStat } from "../../backends/backend.ts"
import { isStoredError } from "../../core/error.ts"
import type { ScannedBackend } from "./scan-parts.ts"

export async function statFound({ backend, signal }: ScannedBackend, key: string): Promise<BackendStat | null> {
  try {
    return await backend.stat(key, { signal })
  } catch (error) {
    if (isStoredError(error) && error.code === "BACKEND_REFUSED") return null
    throw error
  }
}
