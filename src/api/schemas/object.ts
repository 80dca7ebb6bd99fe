/** Objects as answers show them. */
import * as z from "zod"
import type { Metadata, MetadataLocation, PutResult } from "../../core/metadata.ts"
import type { CopiedEntry, DeleteResult, ListedObject } from "../../store/store.ts"
import { blobId, bytes, checksums, jsonObject, serializedError, utcMs } from "./pieces.ts"

export const location: z.ZodType<MetadataLocation> = z
  .object({
    backend: z.string(),
    key: z.string().describe("inside the backend"),
    synced: z.boolean().describe("true only after the backend was seen holding these bytes"),
    state: z.enum(["pending", "syncing", "synced", "failed", "missing", "corrupt", "changed", "deleting"]),
    verifiedAt: utcMs.nullable(),
    attempts: z.int(),
    error: serializedError.nullable(),
  })
  .meta({ id: "Location" })

const metadataFields = {
  id: blobId,
  version: z.int(),
  checksums,
  checksumState: z.enum(["primary", "complete"]),
  size: bytes,
  mimeType: z.string(),
  locations: z.array(location).describe("at most 100 of them"),
  locationCount: z.int(),
  staged: z.boolean().describe("whether the bytes are in local staging"),
  state: z.enum(["ACTIVE", "INCONSISTENT", "MISSING", "DELETED"]),
  created: utcMs,
  modified: utcMs.describe("of the last change to it or to any of its copies"),
  written: utcMs.describe("when this version came under the key"),
  custom: jsonObject,
}

export const metadata: z.ZodType<Metadata> = z
  .object({ ...metadataFields, key: z.string().nullable().describe("null where no key names these bytes") })
  .meta({ id: "Metadata" })

export const putResult: z.ZodType<PutResult> = z
  .object({
    ...metadataFields,
    key: z.string(),
    isNew: z.boolean().describe("false where the key existed before"),
    satisfied: z.boolean().describe("whether everything that the durability asks for was reached in time"),
  })
  .meta({ id: "PutResult" })

export const deleteResult: z.ZodType<DeleteResult> = z
  .object({
    id: blobId.nullable(),
    deleted: z.array(z.string()).describe("backends whose copy is proven gone already"),
    removed: z.array(z.string()),
    pending: z.array(z.string()).describe("backends whose copy goes in the background"),
    failed: z.array(z.string()),
  })
  .meta({ id: "DeleteResult" })

export const copiedEntry: z.ZodType<CopiedEntry> = z
  .union([
    z.object({
      from: z.string(),
      to: z.string(),
      id: blobId,
      size: bytes,
      version: z.int(),
      isNew: z.boolean().describe("false where the key existed before"),
    }),
    z.object({ from: z.string(), to: z.string(), error: serializedError }),
  ])
  .meta({ id: "CopiedEntry" })

export const listedObject: z.ZodType<ListedObject> = z
  .object({
    key: z.string(),
    checksum: blobId,
    size: bytes,
    mimeType: z.string(),
    version: z.int(),
    created: utcMs,
    modified: utcMs,
  })
  .meta({ id: "ListedObject" })

export const objectPage = z
  .object({ objects: z.array(listedObject), cursor: z.string().nullable().describe("null at the end") })
  .meta({ id: "ObjectPage" })
