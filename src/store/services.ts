/** What the verbs of the store are handed: the open parts, put together once in `compose.ts`. */
import type { SeenWorker } from "../../queues/roster.ts"
import type { Runner } from "../../queues/runner.ts"
import type { Bus } from "../bus.ts"
import type { Catalog } from "../catalog/catalog.ts"
import type { HasherFactory } from "../core/checksum.ts"
import type { Clock } from "../core/clock.ts"
import type { StoreConfig } from "../core/config.ts"
import type { Meter } from "../metrics/meter.ts"
import type { Staging } from "../staging/staging.ts"
import type { Tracer } from "../tracing/tracer.ts"
import type { BackendSecrets } from "./backend-secrets.ts"
import type { BackendSet } from "./backend-set.ts"
import type { Downloads } from "./downloads.ts"
import type { EvictionGuard } from "./eviction-guard.ts"
import type { KeyRing } from "./key-ring.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { LiveCopies } from "./live-copies.ts"
import type { Log } from "./log.ts"
import type { ReadTimes } from "./read-times.ts"
import type { RunningRequests } from "./running-requests.ts"
import type { Scans } from "./scan/scans.ts"
import type { Timer } from "./scan/timer.ts"
import type { StoreStatus } from "./store.ts"
import type { TokenBook } from "./tokens/token-book.ts"
import type { Validations } from "./validate/validations.ts"

/** What can be seen of those who work elsewhere. */
export interface PoolView {
  workers(): SeenWorker[]
  /** whether there is a connection to what carries jobs to them */
  readonly isConnected: boolean
  /** the queue of puts by reference; null where it cannot be looked into now */
  ingest(): StoreStatus["queues"][number] | null
}

export interface StoreServices {
  config: StoreConfig
  catalog: Catalog
  staging: Staging
  backends: BackendSet
  secrets: BackendSecrets
  keyRing: KeyRing
  copies: LiveCopies
  evictionGuard: EvictionGuard
  runner: Runner
  /** null where all work is done in this process */
  pool: PoolView | null
  bus: Bus
  hashers: HasherFactory
  readTimes: ReadTimes
  tokens: TokenBook
  downloads: Downloads
  scans: Scans
  requests: RunningRequests
  validations: Validations
  lifecycle: Lifecycle
  meter: Meter
  /** null: nobody collects spans */
  tracer: Tracer | null
  clock: Clock
  /** by which work in the background waits */
  timer: Timer
  log: Log
}
