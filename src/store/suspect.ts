/** Staged bytes that somebody saw to be bad or gone: looked at again, put aside where people can see them, and no longer counted on (I8). */
import type { Readable } from "node:stream"
import type { BlobId } from "../core/blob-id.ts"
import { isStoredError, toStoredError } from "../core/error.ts"
import type { StoreServices } from "./services.ts"

type Parts = Pick<StoreServices, "catalog" | "staging" | "bus" | "clock" | "log">

/**
 * What the look said. `good`: nothing was changed, or a put has replaced the bytes in the meantime. Puts are not held up by this: one that places
 * good bytes between the look and the commit is found by the second look, and its bytes are counted on again.
 */
export async function suspect(services: Parts, id: BlobId): Promise<"good" | "missing" | "corrupt"> {
  const { catalog, staging, clock } = services
  const blob = catalog.blob(id)
  if (!blob?.staged) return "good"
  const found = await staging.check(id, blob.size)
  if (found === "good") return found
  services.log.error({ id, found }, "staged bytes are not what they should be")
  if (found === "corrupt") await staging.quarantine(id)
  await catalog.commitCorrupt(id, { found }, clock.now())
  services.bus.publish("staging:corrupt", catalog.lastSequence(), clock.now(), { checksum: id, repairedFrom: null })
  const isReplaced = (await staging.check(id, blob.size)) === "good" && (await catalog.commitStaged(id, clock.now()))
  return isReplaced ? "good" : found
}

/** Staged bytes that turn out to be bad under way break this stream; the next reader gets a copy. */
export function suspectWhenCorrupt(services: Parts, id: BlobId, stream: Readable): void {
  stream.once("error", (error) => {
    if (!isStoredError(error) || error.code !== "CORRUPT") return
    suspect(services, id).catch((fault: unknown) => {
      services.log.error({ id, error: toStoredError(fault).toJSON() }, "bad staged bytes could not be put aside")
    })
  })
}
