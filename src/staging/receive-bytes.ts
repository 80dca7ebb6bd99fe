/**
 * The short way in, for small bytes that are all here: hash, look whether the very same bytes lie there already, else share the next flush of the
 * intake log and write and rename by synchronous calls while the disk is busy with it.
 */
import type { BlobId } from "../core/blob-id.ts"
import type { Checksums } from "../core/checksum.ts"
import { algorithmsOf, identify } from "./content-id.ts"
import type { ReceiveParts } from "./receive.ts"
import type { Reservation } from "./room.ts"
import type { Received, ReceiveOptions } from "./staging.ts"
import { storageError } from "./system-error.ts"

export async function receiveBytes(parts: ReceiveParts, bytes: Uint8Array, options: ReceiveOptions): Promise<Received> {
  const { files, holds, hashers, room } = parts
  options.onHead?.(bytes)
  const checksums: Checksums = {}
  for (const algorithm of algorithmsOf(options)) checksums[algorithm] = hashers.hash(algorithm, bytes)
  const id = identify(checksums, options)
  let reservation: Reservation | null = null
  const hold = await holds.acquire(id, () => reservation?.release())
  try {
    const { state, same } = files.compare(id, bytes)
    if (!same) reservation = await room.reserve(bytes.length)
    const place = (): void => {
      if (same) return
      // Looked at now: another receive of the same bytes may have placed and kept them since.
      const isFirst = files.state(id) === null
      files.placeBytes(id, bytes)
      if (isFirst) holds.placed(id)
      reservation?.written()
    }
    const known = same && state ? files.stamps.find(id, state) : null
    if (!options.durable || known?.durable) place()
    else {
      await placeDurably(parts, id, bytes, place)
      if (same && state) files.stamps.remember(id, state, true)
    }
    holds.keep(id)
    return { id, size: bytes.length, checksums, reused: same, hold }
  } catch (error) {
    hold.release()
    await holds.undo(id, () => files.remove(id))
    throw storageError(error, "write content")
  }
}

async function placeDurably(
  { files, log, retirement }: ReceiveParts,
  id: BlobId,
  bytes: Uint8Array,
  place: () => void,
): Promise<void> {
  if (!retirement.isFull) return log.append(id, bytes, place)
  place()
  await files.sync(id, { bytes: true })
}
