/** A place with content that the catalog did not know becomes an object of its own, or one more copy of an object that is just that content. */
import { type BlobId, isProvisional, provisionalId, splitBlobId } from "../../../core/blob-id.ts"
import { seenState } from "../../../core/seen-state.ts"
import type { ObjectRecord } from "../../record.ts"
import { namingKey } from "../../rows/key.ts"
import type { BlobRow, LocationRow } from "../../rows/tables.ts"
import type { FoundContent } from "../../sightings.ts"
import { saveLocation } from "../location.ts"
import { occupy } from "../namespaces.ts"
import { count } from "../totals.ts"
import type { FoundCommit } from "./found-commit.ts"

export function adopt(commit: FoundCommit, key: string, objectKey: string, found: FoundContent): LocationRow {
  const { rows, backend, time } = commit
  const id = found.id ?? provisionalId({ backend, key }, found)
  requireBlob(commit, id, found)
  nameObject(commit, key, objectKey, id, found)
  const generation = (rows.get("generations", backend) ?? 0) + 1
  return saveLocation(commit, null, {
    backend,
    key,
    objectKey,
    want: id,
    have: id,
    generation,
    state: "synced",
    attempts: 0,
    error: null,
    ...provenNow(id, found, time),
    created: time,
    modified: time,
    job: null,
    found: true,
  })
}

/** Its proof: it was read, or only listed. */
export function provenNow(id: BlobId, found: FoundContent, time: number): Pick<LocationRow, "verified" | "seen"> {
  const verified = found.verified ?? { at: time, by: isProvisional(id) ? "listing" : "checksum" }
  return { verified, seen: seenState(found) }
}

/** The draft of the blob, made where there is none. */
export function requireBlob({ drafts, time }: FoundCommit, id: BlobId, found: FoundContent): BlobRow {
  const known = drafts.find(id)
  const checksums = isProvisional(id) ? {} : { [splitBlobId(id).algorithm]: splitBlobId(id).hex, ...found.checksums }
  if (known) {
    const isNew = Object.keys(checksums).some((name) => known.checksums[name as never] === undefined)
    if (isNew) known.checksums = { ...known.checksums, ...checksums }
    return known
  }
  return drafts.create({
    id,
    size: found.size,
    checksums,
    mimeType: found.mimeType,
    created: time,
    modified: time,
    staged: false,
    lastRead: time,
    references: 0,
    wanted: 0,
    synced: 0,
    checksumState: "complete",
    checksumJob: null,
    missing: false,
  })
}

function nameObject(commit: FoundCommit, key: string, objectKey: string, id: BlobId, found: FoundContent): void {
  const { rows, drafts, backend, time } = commit
  const copy = { backend, key }
  const before = rows.get("objects", objectKey)
  if (before) {
    rows.put("objects", objectKey, { ...before, copies: [...before.copies, copy] })
    return
  }
  const buried = rows.get("tombstones", objectKey)
  if (buried !== null) {
    rows.remove("tombstones", objectKey)
    count(rows, { tombstones: -1 })
  }
  count(rows, { objects: 1 })
  drafts.of(id).references += 1
  rows.put("objectsByBlob", namingKey(id, objectKey), true)
  const object: ObjectRecord = {
    key: objectKey,
    id,
    version: (buried ?? 0) + 1,
    size: found.size,
    mimeType: found.mimeType,
    custom: {},
    state: "ACTIVE",
    created: time,
    modified: time,
    attributes: { modified: found.modified },
    copies: [copy],
  }
  rows.put("objects", objectKey, object)
  occupy(rows, objectKey, { bytes: object.size, objects: 1 })
}
