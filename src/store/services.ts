/** What the verbs of the store are handed: the open parts, put together once in `compose.ts`. */
import type { Runner } from "../../queues/runner.ts"
import type { Bus } from "../bus.ts"
import type { Catalog } from "../catalog/catalog.ts"
import type { HasherFactory } from "../core/checksum.ts"
import type { Clock } from "../core/clock.ts"
import type { StoreConfig } from "../core/config.ts"
import type { Staging } from "../staging/staging.ts"
import type { BackendSet } from "./backend-set.ts"
import type { EvictionGuard } from "./eviction-guard.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { LiveCopies } from "./live-copies.ts"
import type { Log } from "./log.ts"
import type { ReadTimes } from "./read-times.ts"

export interface StoreServices {
  config: StoreConfig
  catalog: Catalog
  staging: Staging
  backends: BackendSet
  copies: LiveCopies
  evictionGuard: EvictionGuard
  runner: Runner
  bus: Bus
  hashers: HasherFactory
  readTimes: ReadTimes
  lifecycle: Lifecycle
  clock: Clock
  log: Log
}
