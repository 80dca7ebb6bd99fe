/** The id and the checksums of what was received, checked against what was declared. */
import { type BlobId, blobId } from "../core/blob-id.ts"
import type { ChecksumAlgorithm, Checksums } from "../core/checksum.ts"
import { ConsistencyError } from "../core/error.ts"
import type { ReceiveOptions } from "./staging.ts"

type Declared = Pick<ReceiveOptions, "algorithm" | "expect">

/** What must be computed: the id's algorithm first, then every declared one. */
export function algorithmsOf({ algorithm, expect = {} }: Declared): ChecksumAlgorithm[] {
  return [...new Set([algorithm, ...(Object.keys(expect) as ChecksumAlgorithm[])])]
}

/** @throws ConsistencyError CHECKSUM_MISMATCH */
export function identify(checksums: Checksums, { algorithm, expect = {} }: Declared): BlobId {
  for (const [name, declared] of Object.entries(expect) as [ChecksumAlgorithm, string][]) {
    const actual = checksums[name]
    if (actual === declared.toLowerCase()) continue
    throw new ConsistencyError(
      "CHECKSUM_MISMATCH",
      `The source has the ${name} checksum ${actual}, but ${declared} was declared.`,
      { details: { algorithm: name, declared, actual } },
    )
  }
  return blobId(algorithm, checksums[algorithm]!)
}
