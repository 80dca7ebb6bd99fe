/** What callers see of an object: the seed's Metadata object (A17), a superset of it. */
import type { BlobId } from "./blob-id.ts"
import type { Checksums } from "./checksum.ts"
import type { SerializedError } from "./error.ts"
import type { JsonObject } from "./json.ts"

/** `changed`: somebody else has changed what lies there, and it is about to be read */
export type LocationState = "pending" | "syncing" | "synced" | "failed" | "missing" | "corrupt" | "changed" | "deleting"

/** One copy that should be, or is, somewhere. */
export interface MetadataLocation {
  backend: string
  /** key inside the backend */
  key: string
  /** true only after the backend was seen holding these bytes */
  synced: boolean
  state: LocationState
  /** UTC ms of the last proof, null before the first */
  verifiedAt: number | null
  attempts: number
  error: SerializedError | null
}

export type ObjectState = "ACTIVE" | "INCONSISTENT" | "MISSING" | "DELETED"

export interface Metadata {
  id: BlobId
  /** the object's key; for a blob asked by id, the first key that names it, or null where none does any more */
  key: string | null
  version: number
  checksums: Checksums
  /** `primary` until every configured side checksum is known */
  checksumState: "primary" | "complete"
  /** bytes */
  size: number
  mimeType: string
  /** at most 100 of them; `locationCount` says how many there are */
  locations: MetadataLocation[]
  locationCount: number
  /** whether the bytes are in local staging */
  staged: boolean
  state: ObjectState
  /** UTC ms */
  created: number
  /** UTC ms, of the last change to it or to any of its copies */
  modified: number
  /** UTC ms, when this version came under the key, or these bytes came first where they are asked for by id: what becomes of copies does not move it */
  written: number
  custom: JsonObject
}

/** The record of one put: the metadata, and whether it created the key or replaced what was there. */
export interface PutResult extends Metadata {
  key: string
  /** false where the key existed before */
  isNew: boolean
  /**
   * Whether everything that `durability` asks for was reached. False where the wait for copies ran out first: the put is committed and
   * safe here, `locations` tell which copies are proven, and the others go on in the background.
   */
  satisfied: boolean
}
