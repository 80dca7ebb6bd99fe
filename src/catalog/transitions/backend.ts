/** A backend becomes known, or is forgotten with all that was to be there. Its bytes stay where they are. */
import type { JsonObject } from "../../core/json.ts"
import type { Actor } from "../catalog.ts"
import type { BackendRecord, ConfigurationRecord } from "../record.ts"
import { locationKey, requireStorableBackend, splitLocationKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { CONFIGURATION_KEY } from "../rows/tables.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { append } from "./journal.ts"
import { forgetLocation } from "./location.ts"
import { lookedAt } from "./looks.ts"
import { count } from "./totals.ts"
import { forgetValidations } from "./validate.ts"

/** Settings that change leave a paused backend paused, as old as it is, and where it is. @throws StoredError INVALID_KEY */
export function addBackend(rows: Rows, record: BackendRecord, actor: Actor): void {
  requireStorableBackend(record.name)
  const known = rows.get("backends", record.name)
  if (known === null) count(rows, { backends: 1 })
  const { created = record.created, paused } = known ?? {}
  const identity = record.identity ?? (known?.driver === record.driver ? known.identity : undefined)
  const kept = { ...(identity && { identity }), ...(paused !== undefined && { paused }) }
  rows.put("backends", record.name, { ...record, created, ...kept })
  const command = known === null ? "backend-add" : "backend-change"
  append(rows, { command, time: record.created, backend: record.name, actor, detail: { driver: record.driver } })
}

export interface PauseFact extends Actor {
  backend: string
  paused: boolean
  /** UTC ms */
  time: number
}

/** Changes nothing where it is so already. False: the catalog knows no such backend. */
export function pauseBackend(rows: Rows, { backend, paused, time, ...actor }: PauseFact): boolean {
  const known = rows.get("backends", backend)
  if (known === null) return false
  if ((known.paused !== undefined) === paused) return true
  const { paused: _, ...record } = known
  rows.put("backends", backend, paused ? { ...record, paused: time } : record)
  append(rows, { command: paused ? "backend-pause" : "backend-resume", time, backend, actor, detail: {} })
  return true
}

/** @throws StoredError INVALID_KEY */
export function keepConfiguration(rows: Rows, record: ConfigurationRecord, backends: BackendRecord[]): void {
  for (const backend of backends) addBackend(rows, backend, {})
  rows.put("configuration", CONFIGURATION_KEY, record)
}

/** Forgets up to `limit` locations; with the last of them the backend itself, and only that is journalled. */
export function removeBackend(
  rows: Rows,
  name: string,
  options: { limit: number; time: number; forced?: boolean } & Actor,
): { removed: number; done: boolean } {
  const { limit, time } = options
  const commit = { rows, drafts: new BlobDrafts(rows), time }
  const locations = [...rows.range("locations", { prefix: locationKey(name, ""), limit })]
  for (const [, location] of locations) {
    forgetLocation(commit, location)
    lookedAt(rows, name, location.key)
    const object = rows.get("objects", location.objectKey)
    if (!object) continue
    const copies = object.copies.filter((copy) => copy.backend !== name || copy.key !== location.key)
    if (copies.length < object.copies.length) rows.put("objects", object.key, { ...object, copies })
  }
  commit.drafts.settle(time)
  const looks = [...rows.range("looks", { prefix: locationKey(name, ""), limit })]
  for (const [row] of looks) lookedAt(rows, name, splitLocationKey(row).key)
  const done = locations.length < limit && looks.length < limit
  if (done) {
    if (rows.get("backends", name) !== null) count(rows, { backends: -1 })
    rows.remove("backends", name)
    rows.remove("scans", name)
    forgetValidations(rows, name)
    const detail: JsonObject = options.forced ? { forced: true } : {}
    append(rows, { command: "backend-remove", time, backend: name, actor: options, detail })
  }
  return { removed: locations.length, done }
}
