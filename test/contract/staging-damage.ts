/** Changes a content file behind the back of staging, as a bad disk or a bad program would. */
import { open } from "node:fs/promises"
import { join } from "node:path"
import { type BlobId, splitBlobId } from "../../src/core/blob-id.ts"

export function contentFile(directory: string, id: BlobId): string {
  const { algorithm, hex } = splitBlobId(id)
  return join(directory, "content-v2", algorithm, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
}

/** Flips one bit in the middle, or cuts the file in half. */
export async function damageFile(directory: string, id: BlobId, kind: "flip" | "truncate"): Promise<void> {
  await using file = await open(contentFile(directory, id), "r+")
  const { size } = await file.stat()
  const middle = size >> 1
  if (kind === "truncate") return file.truncate(middle)
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, middle)
  buffer[0]! ^= 1
  await file.write(buffer, 0, 1, middle)
}
