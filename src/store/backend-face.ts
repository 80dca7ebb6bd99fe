/** The verbs of the store that change which backends there are, and what is told of one. */
import type { BackendCapabilities } from "../backends/backend.ts"
import type { ScanState } from "../catalog/record.ts"
import type { SerializedError } from "../core/error.ts"
import type { JsonObject, JsonValue } from "../core/json.ts"
import type { RateLimit } from "../core/rate-limit.ts"
import type { ScanWait } from "./scan-face.ts"
import type { BackendValidation } from "./validate-face.ts"

export interface BackendInfo {
  name: string
  driver: string
  /** as configured, secrets removed */
  config: JsonObject
  /** what its driver can do */
  capabilities: BackendCapabilities
  /** what was found out about what it talks to, where the driver finds out something */
  abilities: JsonObject | null
  /** only of a test: what was found out to be another than it was, by its name there */
  changed?: Record<string, { was: JsonValue; is: JsonValue }>
  isDefault: boolean
  state: "open" | "unavailable"
  /** why it could not be opened */
  error: SerializedError | null
  breaker: "closed" | "open" | "half-open"
  /** none of its jobs begins until it is resumed */
  paused: boolean
  /** jobs that may begin in a time, null where there is no such limit */
  rateLimit: RateLimit | null
  /** jobs that are due or running, and parked ones */
  pending: number
  failed: number
  /** null: it was never scanned */
  scan: BackendScan | null
  /** absent: it is not to be watched, or cannot be */
  watch?: BackendWatch
  /** absent: its copies were never read again */
  validate?: BackendValidation
}

/** How the watch of a backend is. While it does not run, what changes is found by scans. */
export interface BackendWatch {
  /** `failed`: it is begun anew after a while */
  state: "beginning" | "running" | "failed"
  /** why it does not run; null where it does */
  error: SerializedError | null
  /** UTC ms */
  since: number
  /** UTC ms when so much changed at once that something may not have been heard, which a scan then looks for; absent: never yet */
  missed?: number
}

/** How far the scan of a backend is, or how the last one ended: what of it a person wants to see beside everything else. */
export interface BackendScan {
  state: ScanState
  /** that were listed */
  files: number
  /** places that are still to be looked at */
  looks: number
  /** files of these that are left alone, because they are written to; absent: none */
  changing?: number
  /** why it does not go on now; absent: it does, or there is nothing to do */
  waits?: ScanWait
  /** UTC ms of the beginning of the last scan that came to its end: what the catalog says was true then; null before the first */
  knownAsOf: number | null
}

export interface RemoveBackendOptions {
  force?: boolean
  signal?: AbortSignal
  principal?: string
  requestId?: string
}

export interface SetBackendOptions {
  principal?: string
  requestId?: string
}

export interface TestBackendOptions {
  /** what is at its place now is the backend from now on, also where it is another directory or disk than before */
  accept?: boolean
  principal?: string
  requestId?: string
}

export interface PauseBackendOptions {
  principal?: string
  requestId?: string
}

export interface BackendFace {
  /**
   * Registers a backend once it was opened and has answered; the next put can use it. Kept over restarts, its secrets sealed: they are never shown again.
   * @throws BACKEND_EXISTS, INVALID_CONFIG, SECRET_UNAVAILABLE, and why it cannot be used
   */
  addBackend(name: string, config: JsonObject, options?: SetBackendOptions): Promise<BackendInfo>
  /**
   * Adds a backend, or changes the settings of one that is there, as a whole; `***` for a secret leaves it as it is. Settings that do not work change
   * nothing. @throws as `addBackend`, but BACKEND_EXISTS; CONFLICT where they lead to another place than where its copies are
   */
  setBackend(name: string, config: JsonObject, options?: SetBackendOptions): Promise<BackendInfo>
  /**
   * Asks a backend something now, and finds out anew what it can do. One whose place is another than it was, a disk that is not mounted or a restored one, is unavailable until the old one is back or
   * the new one is accepted. @throws UNKNOWN_BACKEND, why it does not answer
   */
  testBackend(name: string, options?: TestBackendOptions): Promise<BackendInfo>
  /**
   * Forgets a backend; its bytes stay where they are. Refused with LAST_COPY where fewer than `minCopies` others of something are seen, unless
   * `force`, which the journal keeps.
   */
  removeBackend(name: string, options?: RemoveBackendOptions): Promise<void>
  /**
   * Begins none of a backend's jobs until it is resumed, over restarts too; what runs goes on. They wait without a try being burnt, and so does
   * `synced`; `idle` does not wait for them. Its copies can be read as ever. @throws UNKNOWN_BACKEND
   */
  pauseBackend(name: string, options?: PauseBackendOptions): Promise<BackendInfo>
  /** @throws UNKNOWN_BACKEND */
  resumeBackend(name: string, options?: PauseBackendOptions): Promise<BackendInfo>
}
