/** Keeps the bytes of a bad copy in quarantine, before anybody replaces them (I8). */
import type { Readable } from "node:stream"
import type { StorageBackend } from "../../backends/backend.ts"
import type { CopyVerdict } from "../../catalog/validation.ts"
import { throwIfAborted, toStoredError } from "../../core/error.ts"
import type { StoreServices } from "../services.ts"
import type { BackendCopy } from "./backend-copies.ts"

type Corrupt = Extract<CopyVerdict, { type: "corrupt" }>

/** The verdict with what became of the bytes: where they cannot be kept, the copy is not put right without being asked. @throws StoredError ABORTED */
export async function keepBadCopy(
  { staging, log }: Pick<StoreServices, "staging" | "log">,
  backend: StorageBackend,
  name: string,
  { key, id }: BackendCopy,
  verdict: Corrupt,
  signal: AbortSignal,
): Promise<Corrupt> {
  let bytes: Readable | null = null
  try {
    bytes = await backend.get(key, { signal })
    const kept = await staging.keepBad(id, bytes, { size: verdict.seen.size, from: name, signal })
    return { ...verdict, kept }
  } catch (error) {
    throwIfAborted(signal)
    const fault = toStoredError(error)
    log.error({ backend: name, key, id, error: fault.toJSON() }, "the bytes of a bad copy could not be kept")
    return { ...verdict, kept: null, mend: false }
  } finally {
    bytes?.destroy()
  }
}
