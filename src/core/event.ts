/**
 * Events: few and clean (A21–A24). Every event that states a committed fact carries its journal sequence; `sync:start`
 * and `watch` are hints without one. Payloads are pointers (R6): whoever wants more asks `stat`.
 */
import type { BlobId } from "./blob-id.ts"
import type { SerializedError } from "./error.ts"

export interface StoreEvents {
  /** `replaced`: what the key named right before, null where it named nothing */
  put: { checksum: BlobId; key: string; version: number; size: number; replaced: BlobId | null }
  /** `ignored`: a pattern passes its file over from now on; nothing was deleted there */
  delete: { checksum: BlobId; key: string; backends: string[]; ignored?: true }
  "sync:start": { checksum: BlobId | null; key: string; backend: string }
  "sync:complete": { checksum: BlobId | null; key: string; backend: string }
  "sync:error": { checksum: BlobId | null; key: string; backend: string; error: SerializedError }
  watch: { type: "add" | "mod" | "del"; key: string; backend: string }
  /** so many files or objects that lay at a backend are in the catalog now */
  found: { backend: string; added: number }
  /** somebody has changed a found file: the object has a new version */
  change: { checksum: BlobId; key: string; backend: string; version: number; replaced: BlobId }
  /** somebody has renamed a found file */
  move: { checksum: BlobId; key: string; backend: string; from: string }
  /** a copy is not what it should be, and what lies there is not followed; or, `reconciled`, is found to be as it should be again */
  drift: { checksum: BlobId; key: string; backend: string; state: DriftState }
  scan: { backend: string; state: "running" | "paused" | "cancelled" | "failed" | "done" }
  /** copies are read again; `backend` is `staging` where what is staged is. What was found bad is told by `drift` and `staging:corrupt` */
  validate: {
    backend: string
    kind: "asked" | "rolling"
    state: "running" | "paused" | "cancelled" | "failed" | "done"
  }
  "read:fallback": { checksum: BlobId; key: string | null; backend: string; servedFrom: string }
  "backend:add": { backend: string; driver: string }
  "backend:remove": { backend: string }
  "staging:corrupt": { checksum: BlobId; repairedFrom: string | null }
  "backend:breaker": { backend: string; state: "open" | "half-open" | "closed" }
}

export type DriftState = "missing" | "corrupt" | "reconciled"

export type StoreEventName = keyof StoreEvents

/** Every name, for callers whom no compiler checks. */
export const STORE_EVENTS: readonly StoreEventName[] = Object.keys({
  put: true,
  delete: true,
  "sync:start": true,
  "sync:complete": true,
  "sync:error": true,
  watch: true,
  found: true,
  change: true,
  move: true,
  drift: true,
  scan: true,
  validate: true,
  "read:fallback": true,
  "backend:add": true,
  "backend:remove": true,
  "staging:corrupt": true,
  "backend:breaker": true,
} satisfies Record<StoreEventName, true>) as StoreEventName[]

/** One event as it travels: its name, its time, and the journal sequence of the fact behind it (null for a hint). */
export type StoreEvent = {
  [Name in StoreEventName]: { type: Name; sequence: number | null; time: number; data: StoreEvents[Name] }
}[StoreEventName]

export type StoreEventListener<Name extends StoreEventName> = (
  data: StoreEvents[Name],
  event: { sequence: number | null; time: number },
) => void
