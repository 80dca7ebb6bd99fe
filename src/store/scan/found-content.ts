/** What is told the catalog of something that was found. */
import type { BackendStat } from "../../backends/backend.ts"
import type { FoundContent } from "../../catalog/sightings.ts"
import { blobId } from "../../core/blob-id.ts"
import { seenState } from "../../core/seen-state.ts"
import { mimeTypeFor } from "../mime-type.ts"
import { type FoundRead, idAlgorithm } from "./read-found.ts"
import type { ScannedBackend } from "./scan-parts.ts"

/** @param read absent: its content was not read */
export function foundContent(scanned: ScannedBackend, key: string, state: BackendStat, read?: FoundRead): FoundContent {
  const { checksums, verified } = read?.type === "read" ? read : { checksums: {} }
  const algorithm = idAlgorithm(scanned)
  const hex = checksums[algorithm]
  return {
    ...seenState(state),
    id: hex === undefined ? null : blobId(algorithm, hex),
    checksums,
    mimeType: mimeTypeFor({ key }),
    ...(verified && { verified }),
  }
}
