/**
 * The record of an object for whoever may touch a part of the keys only. A blob is everybody's who names the same bytes: which further checksums of it are known, whether it is staged, and when one of its
 * copies moved would tell whether others have them. What is left are facts of the object and of its own copies.
 */
import type { Access } from "../../core/access.ts"
import { isProvisional, splitBlobId } from "../../core/blob-id.ts"
import type { Metadata } from "../../core/metadata.ts"

/** @param metadata of an object that was named by its key */
export function ownFacts<Facts extends Metadata>(access: Pick<Access, "prefixes">, metadata: Facts): Facts {
  if (access.prefixes === null) return metadata
  const { id, locations, written } = metadata
  const proven = locations.filter(({ synced }) => synced)
  return {
    ...metadata,
    checksums: ownChecksums(id),
    checksumState: "primary",
    // Until one of its own copies is proven they must be.
    staged: proven.length === 0,
    modified: Math.max(written, ...proven.map(({ verifiedAt }) => verifiedAt ?? 0)),
  }
}

function ownChecksums(id: Metadata["id"]): Metadata["checksums"] {
  if (isProvisional(id)) return {}
  const { algorithm, hex } = splitBlobId(id)
  return { [algorithm]: hex }
}
