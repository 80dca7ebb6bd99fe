/**
 * The end of the long way in: the temporary file is whole and its id known. Good content that is there already is used again; anything else is
 * replaced by the rename.
 *
 * "Good" is what was verified before and not touched since. An unknown file is not hashed to find out: the bytes at hand are right, and renaming them
 * over it costs nothing.
 */
import type { BlobId } from "../core/blob-id.ts"
import type { Checksums } from "../core/checksum.ts"
import type { ReceiveParts } from "./receive.ts"
import type { Received } from "./staging.ts"
import { storageError } from "./system-error.ts"

export interface TemporaryContent {
  path: string
  id: BlobId
  size: number
  checksums: Checksums
}

export interface PlaceOptions {
  durable: boolean
  /** makes the temporary file's bytes durable */
  flush(): Promise<void>
  /** gives its room back, with the hold or after an error */
  release(): void
}

export async function placeReceived(
  parts: ReceiveParts,
  content: TemporaryContent,
  options: PlaceOptions,
): Promise<Received> {
  const { files, holds, temporary } = parts
  const { id, path, size, checksums } = content
  const hold = await holds.acquire(id, options.release)
  try {
    const state = files.state(id)
    const known = state && files.stamps.find(id, state)
    if (known) {
      if (options.durable && !known.durable) await files.sync(id, { bytes: true })
      await temporary.remove(path)
    } else {
      if (options.durable) await options.flush()
      // Looked at now: another receive of the same bytes may have placed and kept them during the flush.
      const isFirst = files.state(id) === null
      files.placeFile(id, path)
      if (isFirst) holds.placed(id)
      if (options.durable) await files.sync(id, { bytes: false })
    }
    const placed = files.state(id)
    if (placed) files.stamps.remember(id, placed, options.durable || (known?.durable ?? false))
    holds.keep(id)
    return { id, size, checksums, reused: known !== null, hold }
  } catch (error) {
    hold.release()
    await holds.undo(id, () => files.remove(id))
    throw storageError(error, "write content")
  }
}
