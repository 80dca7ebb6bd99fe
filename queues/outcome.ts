/** What a worker told of a job, as the catalog takes it. */
import type { Outcome } from "../src/catalog/catalog.ts"
import type { Checksums } from "../src/core/checksum.ts"
import type { JobPointer, JobResult } from "./exchange.ts"

/**
 * Null where a job of that kind cannot have such an end, or nothing is to be told of it. A sync job that failed or was handed back, and whose claim is
 * another's by now, is as one that ended late: on its way it may have written, or deleted what it took for its own.
 */
export function outcomeOf(pointer: JobPointer, result: JobResult): Outcome | null {
  if (pointer.kind === "checksum") {
    if (result.type !== "hashed") return null
    return { kind: "checksum", id: pointer.id, result: { type: "done", checksums: result.checksums as Checksums } }
  }
  const { backend, key, generation } = pointer
  const fence = { kind: "sync" as const, backend, key, generation }
  if (result.type === "hashed") return null
  if (result.type !== "synced") return { ...fence, result: { type: "late" } }
  const { have, verified, seen } = result
  return { ...fence, result: { type: "done", have, verified, seen } }
}
