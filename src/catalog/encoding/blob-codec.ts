/** The row of a blob. Its id is the key. */
import type { BlobId } from "../../core/blob-id.ts"
import type { BlobRow } from "../rows/tables.ts"
import type { Codec } from "./codec.ts"

type BlobFields = [
  size: number,
  checksums: BlobRow["checksums"],
  mimeType: string,
  created: number,
  modified: number,
  staged: 0 | 1,
  lastRead: number,
  references: number,
  wanted: number,
  synced: number,
  complete: 0 | 1,
  checksumJob: number | null,
  missing: 0 | 1,
]

export const blobCodec: Codec<BlobRow> = {
  version: 1,
  encode: (row) =>
    [
      row.size,
      row.checksums,
      row.mimeType,
      row.created,
      row.modified,
      row.staged ? 1 : 0,
      row.lastRead,
      row.references,
      row.wanted,
      row.synced,
      row.checksumState === "complete" ? 1 : 0,
      row.checksumJob,
      row.missing ? 1 : 0,
    ] satisfies BlobFields,
  decode: (fields, key) => {
    const [
      size,
      checksums,
      mimeType,
      created,
      modified,
      staged,
      lastRead,
      references,
      wanted,
      synced,
      complete,
      checksumJob,
      missing,
    ] = fields as BlobFields
    return {
      id: key as BlobId,
      size,
      checksums,
      mimeType,
      created,
      modified,
      staged: staged === 1,
      lastRead,
      references,
      wanted,
      synced,
      checksumState: complete === 1 ? "complete" : "primary",
      checksumJob,
      missing: missing === 1,
    }
  },
}
