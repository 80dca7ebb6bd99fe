/**
 * The short way in, for small bytes that are all here: hash, look whether the very same bytes lie there already, else write and rename by synchronous
 * calls, then share the next flush of the intake log.
 */
import type { BigIntStats } from "node:fs"
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
  let isNew = false
  const hold = await holds.acquire(id, () => reservation?.release())
  try {
    const { state, same } = files.compare(id, bytes)
    if (!same) {
      reservation = await room.reserve(bytes.length)
      files.placeBytes(id, bytes)
      reservation.written()
      isNew = state === null
    }
    if (options.durable) await makeDurable(parts, id, bytes, same ? state : null)
    holds.keep(id)
    return { id, size: bytes.length, checksums, reused: same, hold }
  } catch (error) {
    hold.release()
    if (isNew) await holds.removing(id, () => files.remove(id))
    throw storageError(error, "write content")
  }
}

/** @param reused the state of the file where its bytes were there already */
async function makeDurable(
  parts: ReceiveParts,
  id: BlobId,
  bytes: Uint8Array,
  reused: BigIntStats | null,
): Promise<void> {
  const { files, log, retirement } = parts
  if (reused && files.stamps.find(id, reused)?.durable) return
  if (retirement.isFull) await files.sync(id, { bytes: true })
  else await log.append(id, bytes)
  if (reused) files.stamps.remember(id, reused, true)
}
