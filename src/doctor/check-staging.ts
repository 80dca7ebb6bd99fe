/** Staged content against the catalog: every row has its bytes and they hash to their id (I1, I2, I7); every file has a row (I9). */
import type { BlobRecord } from "../catalog/record.ts"
import { throwIfAborted, toStoredError } from "../core/error.ts"
import { restage } from "../store/content.ts"
import { everyRow } from "../store/every-row.ts"
import type { StoreServices } from "../store/services.ts"
import { suspect } from "../store/suspect.ts"
import type { Checked, Finding } from "./finding.ts"

export async function* checkStaging(
  services: StoreServices,
  checked: Checked,
  repair: boolean,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  for (const blob of everyRow(
    (page) => services.catalog.blobs(page),
    (row: BlobRecord) => row.id,
  )) {
    checked.blobs += 1
    throwIfAborted(signal)
    if (blob.staged) yield* checkContent(services, blob, repair, signal)
    else yield* checkUncounted(services, blob, repair, signal)
  }
  for await (const file of services.staging.list()) {
    checked.contentFiles += 1
    // With a row, it was looked at above.
    if (services.catalog.blob(file.id)) continue
    const removed = repair && (await services.staging.remove(file.id))
    const message = "Content lies in staging that the catalog does not count."
    yield { invariant: "I9", severity: "note", subject: file.id, message, repair: removed ? "removed" : null }
  }
}

/** The catalog does not count on staged bytes; good ones may lie there all the same, after a crash or because somebody put them back. */
async function* checkUncounted(
  services: StoreServices,
  blob: BlobRecord,
  repair: boolean,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const found = await services.staging.check(blob.id, blob.size, { signal })
  if (found === "good") {
    const adopted = repair && (await services.catalog.commitStaged(blob.id, services.clock.now()))
    const message = "Good bytes lie in staging that the catalog does not count."
    const severity = blob.references > 0 && blob.synced === 0 ? "fault" : "note"
    yield { invariant: "I12", severity, subject: blob.id, message, repair: adopted ? "counted on again" : null }
  } else if (blob.references > 0 && blob.synced === 0) yield lost(blob)
}

async function* checkContent(
  services: StoreServices,
  blob: BlobRecord,
  repair: boolean,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const found = await services.staging.check(blob.id, blob.size, { signal })
  if (found === "good") return
  const message = `The staged bytes are ${found}.`
  const done = repair ? await heal(services, blob, signal) : null
  yield { invariant: found === "corrupt" ? "I7" : "I1", severity: "fault", subject: blob.id, message, repair: done }
}

async function heal(services: StoreServices, blob: BlobRecord, signal: AbortSignal): Promise<string | null> {
  await suspect(services, blob.id)
  if (blob.synced === 0) return null
  try {
    await restage(services, blob.id, signal)
    return "fetched again from a proven copy"
  } catch (error) {
    services.log.warn({ id: blob.id, error: toStoredError(error).toJSON() }, "no copy could mend staged bytes")
    return null
  }
}

function lost(blob: BlobRecord): Finding {
  const message =
    "Objects name this blob, but it is neither staged nor proven on any backend: its bytes are lost unless an unproven copy turns up."
  return { invariant: "I1", severity: "fault", subject: blob.id, message, repair: null }
}
