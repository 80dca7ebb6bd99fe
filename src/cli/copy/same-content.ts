/** Whether a file of this machine holds what the store has: the same size, and then the same checksum. */
import { isProvisional, splitBlobId } from "../../core/blob-id.ts"
import type { HasherFactory } from "../../core/checksum.ts"
import type { Metadata } from "../../core/metadata.ts"

let hashers: Promise<HasherFactory> | null = null

/** @param size bytes of the file. @throws StoredError where it cannot be read */
export async function isSameContent(path: string, size: number, { id, size: wanted }: Metadata): Promise<boolean> {
  if (size !== wanted || isProvisional(id)) return false
  // Only where something is there already: a first copy loads none of it.
  const [{ createHashers }, { hashFile }] = await Promise.all([
    import("../../checksums/hashers.ts"),
    import("../../checksums/hash-file.ts"),
  ])
  hashers ??= createHashers()
  const { algorithm, hex } = splitBlobId(id)
  const { checksums } = await hashFile({ path, algorithms: [algorithm] }, await hashers)
  return checksums[algorithm] === hex
}
