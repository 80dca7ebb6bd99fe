/** What `status` tells: what there is, and what waits. */
import type { StagingStats } from "../staging/staging.ts"
import type { BackendInfo } from "./backend-face.ts"
import type { BackendValidation } from "./validate-face.ts"

export interface WorkerStatus {
  /** random, made when its process started */
  id: string
  host: string
  pid: number
  kinds: string[]
  /** names of those that it works for */
  backends: string[]
  /** jobs */
  running: number
  /** when it was last heard of, UTC ms */
  seen: number
  /** whether it was heard of lately enough to keep its jobs */
  alive: boolean
}

export interface StoreStatus {
  state: "starting" | "ready" | "closing"
  objects: number
  blobs: number
  /** bytes of distinct content */
  bytes: number
  staging: StagingStats
  /** of staging; absent: it was never validated */
  stagingValidate?: BackendValidation
  backends: BackendInfo[]
  /** `due` counts running ones too; `ingest`, of puts by reference, is as Redis had it a moment ago, and absent where Redis cannot be asked */
  queues: { queue: string; due: number; parked: number; running: number; oldest: number | null }[]
  /** those that were heard of in the last quarter of an hour; none where all work is done in the store's own process */
  workers: WorkerStatus[]
  /** whether there is a connection to the Redis that carries jobs to workers; null where there is none to have */
  redis: "ok" | "away" | null
  syncsCompleted: number
  syncsFailed: number
  lastSequence: number
}
