/** What the parts of a scan work with. */
import type { StorageBackend } from "../../backends/backend.ts"
import type { HashedFileAnswer, HashFilesTask } from "../../checksums/hash-files.ts"
import type { ScanRules } from "../../core/scan-settings.ts"
import type { StoreServices } from "../services.ts"
import type { Budget } from "./budget.ts"
import type { GoneFiles } from "./gone-files.ts"

/** Hashes local files off the main thread, one answer each, in order. @throws StoredError ABORTED, CLOSED, INTERNAL */
export type HashFiles = (task: HashFilesTask, signal: AbortSignal) => Promise<HashedFileAnswer[]>

export interface ScanParts {
  services: StoreServices
  hashFiles: HashFiles
}

/** A backend that is scanned. */
export interface ScannedBackend extends ScanParts {
  name: string
  rules: ScanRules
  /** whether a pattern passes a key over, or, with a slash at its end, all that lies in a folder */
  isIgnored(path: string): boolean
  backend: StorageBackend
  /** files that are gone from their places, and may be found elsewhere */
  gone: GoneFiles
  /** for all that is read of this backend */
  budget: Budget
  signal: AbortSignal
}
