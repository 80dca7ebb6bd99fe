/** What the steps of a commit of sightings work with. */
import type { BackendMode } from "../../../core/scan-settings.ts"
import type { Rows } from "../../rows/rows.ts"
import type { LocationRow } from "../../rows/tables.ts"
import type { FoundFact } from "../../sightings.ts"
import { append } from "../journal.ts"
import type { Commit } from "../location.ts"
import { readJob } from "../outbox.ts"

export interface FoundCommit extends Commit {
  backend: string
  mode: BackendMode
  /** backends that have jobs due now */
  nudge: Set<string>
  /** what was journalled of single objects */
  facts: FoundFact[]
}

export function foundCommit(commit: Commit, backend: string): FoundCommit {
  return { ...commit, backend, mode: modeOf(commit.rows, backend), nudge: new Set(), facts: [] }
}

/** Journals what has become of an object. */
export function tell(
  { rows, time, backend, facts }: FoundCommit,
  command: FoundFact["command"],
  { key, id, detail }: Pick<FoundFact, "key" | "id" | "detail">,
): void {
  const sequence = append(rows, { command, time, key, id, backend, detail })
  facts.push({ command, sequence, key, id, detail })
}

/** As the backend is set. */
export function modeOf(rows: Pick<Rows, "get">, backend: string): BackendMode {
  return rows.get("backends", backend)?.config.mode === "enforce" ? "enforce" : "observe"
}

/** Whether a change at the backend is a change of the object. */
export function follows({ mode }: { mode: BackendMode }, location: LocationRow): boolean {
  return location.found === true && mode === "observe"
}

/** Whether our own work is about to change it, and will say what is there then. */
export function isUnderWay(rows: Pick<Rows, "get">, { want, job }: LocationRow): boolean {
  return want === null || (job !== null && readJob(rows, job).status === "due")
}
