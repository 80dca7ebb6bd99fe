/** The object of a found place follows it: its content becomes known, or is another one from now on. */
import { type BlobId, isProvisional } from "../../../core/blob-id.ts"
import type { ObjectRecord } from "../../record.ts"
import { namingKey } from "../../rows/key.ts"
import type { LocationRow } from "../../rows/tables.ts"
import type { FoundContent } from "../../sightings.ts"
import { saveLocation, wantCopy } from "../location.ts"
import { occupy } from "../namespaces.ts"
import { removeJob } from "../outbox.ts"
import { provenNow, requireBlob } from "./adopt.ts"
import { type FoundCommit, tell } from "./found-commit.ts"

type Known = FoundContent & { id: BlobId }

/** The content of a place that was listed only is known now; the object is the same, in the same version. */
export function identify(commit: FoundCommit, location: LocationRow, found: Known): LocationRow {
  return rename(commit, location, found, false)
}

/** Other content lies there: a new version of the object, and what its other copies are to become. */
export function replace(commit: FoundCommit, location: LocationRow, found: Known): LocationRow {
  return rename(commit, location, found, true)
}

function rename(commit: FoundCommit, location: LocationRow, found: Known, isNew: boolean): LocationRow {
  const { rows } = commit
  requireBlob(commit, found.id, found)
  const object = rows.get("objects", location.objectKey)
  const after = settle(commit, location, found)
  if (!object) return after
  const named = nameAnew(commit, object, found, isNew)
  if (!isProvisional(found.id)) wantElsewhere(commit, named, location, found.id)
  commit.drafts.touch(object.key)
  if (isNew) {
    const detail = { version: named.version, size: found.size, replaced: object.id }
    tell(commit, "changed", { key: object.key, id: found.id, detail })
  }
  return after
}

function settle(commit: FoundCommit, location: LocationRow, found: Known): LocationRow {
  if (location.job !== null) removeJob(commit.rows, location.job)
  return saveLocation(commit, location, {
    ...location,
    want: found.id,
    have: found.id,
    state: "synced",
    attempts: 0,
    error: null,
    job: null,
    // Whoever still works on what was wanted before must not prove it.
    generation: location.generation + 1,
    ...provenNow(found.id, found, commit.time),
  })
}

function nameAnew(
  { rows, drafts, time }: FoundCommit,
  object: ObjectRecord,
  found: Known,
  isNew: boolean,
): ObjectRecord {
  if (object.id !== found.id) {
    drafts.of(found.id).references += 1
    drafts.of(object.id).references -= 1
    rows.put("objectsByBlob", namingKey(found.id, object.key), true)
    rows.remove("objectsByBlob", namingKey(object.id, object.key))
  }
  const named: ObjectRecord = {
    ...object,
    id: found.id,
    size: found.size,
    version: object.version + (isNew ? 1 : 0),
    modified: time,
    attributes: { ...object.attributes, modified: found.modified },
  }
  rows.put("objects", object.key, named)
  occupy(rows, object.key, { bytes: named.size - object.size, objects: 0 })
  return named
}

/** The bytes come from the place that was found. */
function wantElsewhere(commit: FoundCommit, object: ObjectRecord, location: LocationRow, id: BlobId): void {
  for (const copy of object.copies) {
    if (copy.backend === location.backend && copy.key === location.key) continue
    wantCopy(commit, { ...copy, objectKey: object.key, want: id, fresh: true })
    commit.nudge.add(copy.backend)
  }
}
