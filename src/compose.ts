/**
 * The only place that puts the parts together. `createStore` opens the embedded shape: one process, catalog on LMDB, staging beside it, a
 * runner on the outbox. Whatever fails on the way closes what was opened before it.
 */
import { join } from "node:path"
import { type BreakerOptions, DEFAULT_BREAKER } from "../queues/breaker.ts"
import { type LaneOptions, openLane } from "../queues/embedded.ts"
import { syncQueue } from "../queues/job.ts"
import type { Pool } from "../queues/pool.ts"
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "../queues/retry-policy.ts"
import { Runner } from "../queues/runner.ts"
import { hashThread } from "../workers/hash-thread-url.ts"
import type { Opened } from "./api/opened.ts"
import { parseBackendConfig } from "./backends/registry.ts"
import { Bus } from "./bus.ts"
import { LmdbCatalog } from "./catalog/lmdb/catalog.ts"
import { createHashers } from "./checksums/hashers.ts"
import { ChecksumPool } from "./checksums/pool.ts"
import { closeParts } from "./compose/close-parts.ts"
import { jobHandlers } from "./compose/job-handlers.ts"
import type { OpenedPool, PoolParts, RedisSettings } from "./compose/pool.ts"
import { storeMetrics } from "./compose/store-metrics.ts"
import { treatCatalog } from "./compose/treat-catalog.ts"
import { type Clock, systemClock } from "./core/clock.ts"
import { parseConfig, type StoreConfigInput } from "./core/config.ts"
import type { StoredError } from "./core/error.ts"
import { type DoctorOptions, treat } from "./doctor/doctor.ts"
import type { DoctorReport } from "./doctor/finding.ts"
import type { StoreMetrics } from "./metrics/store-metrics.ts"
import { ContentStaging } from "./staging/content-staging.ts"
import type { BackendMaker } from "./store/add-backend.ts"
import { BackendSecrets } from "./store/backend-secrets.ts"
import { BackendSet } from "./store/backend-set.ts"
import { configure } from "./store/configuration.ts"
import { content } from "./store/content.ts"
import { Downloads } from "./store/downloads.ts"
import { EvictionGuard } from "./store/eviction-guard.ts"
import { createFacade } from "./store/facade.ts"
import { jobEvents } from "./store/job-events.ts"
import { keepBadAt } from "./store/keep-bad.ts"
import { type GivenKeys, KeyRing } from "./store/key-ring.ts"
import { Lifecycle } from "./store/lifecycle.ts"
import { LiveCopies } from "./store/live-copies.ts"
import { type Log, silentLog } from "./store/log.ts"
import { maintain } from "./store/maintenance.ts"
import { ReadTimes } from "./store/read-times.ts"
import { RunningRequests } from "./store/running-requests.ts"
import type { ScanParts } from "./store/scan/scan-parts.ts"
import { Scans } from "./store/scan/scans.ts"
import { systemTimer, type Timer } from "./store/scan/timer.ts"
import type { StoreServices } from "./store/services.ts"
import { type NetworkOptions, registerBackend, startBackends } from "./store/start-backends.ts"
import type { Store } from "./store/store.ts"
import { suspect } from "./store/suspect.ts"
import { TokenBook } from "./store/tokens/token-book.ts"
import { Validations } from "./store/validate/validations.ts"

export interface CreateStoreOptions extends NetworkOptions {
  /** pino, or anything with its `debug info warn error`; absent: silence */
  log?: Log
  /** for tests and for tuning; absent: five tries, 1 s to 5 min apart */
  retry?: Partial<RetryPolicy>
  breaker?: Partial<BreakerOptions>
  /** ms that a job may take, to which the time for its bytes is added; absent: two minutes */
  jobDeadline?: number
  clock?: Clock
  /** by which scans and validations wait */
  timer?: Timer
  /** false leaves the outbox alone, carries nothing anywhere, and keeps no configuration */
  work?: boolean
  /** a new data directory gets a backend `local` in its own folder `objects` where no backends are configured, as the service and the commands do */
  localByDefault?: boolean
  /** for the doctor: opened only to be looked at, or to be mended with what was left behind still there */
  visit?: "examine" | "treat"
  /** the pool shape: jobs go to workers by way of this Redis; absent: they run in this process */
  redis?: RedisSettings
  /** the keys under which secrets of backends are sealed; absent: those of the key file in the data directory */
  masterKeys?: GivenKeys
  /** where others reach this process, shown to whoever finds the data directory in use */
  address?: string
  /** told when the store can no longer be trusted and the process should stop and start again */
  onFault?(error: StoredError): void
}

/** The store together with its open parts, for those who look inside: doctor and tests. */
export interface OpenedStore {
  store: Store
  services: StoreServices
  pool: ChecksumPool
  /** of scans */
  scanPool: ChecksumPool
  metrics: StoreMetrics
  /** the door for workers; null where all work is done here */
  desk: Pool | null
  /** its queues, to be looked at */
  board: OpenedPool["board"] | null
}

/**
 * Opens a store. The configuration is the seed's JSON; absent settings have defaults. One that names backends is kept in the data directory;
 * one that names none takes what was kept there. Where nothing was, `put` asks for a backend.
 * @throws StoredError INVALID_CONFIG (all mistakes at once in `details.issues`), DATA_DIRECTORY_IN_USE, DATA_DIRECTORY_NEWER, DATA_DIRECTORY_UNUSABLE
 */
export async function createStore(config: StoreConfigInput = {}, options: CreateStoreOptions = {}): Promise<Store> {
  return (await openStore(config, options)).store
}

/** As `createStore`, with what workers are served where it has some. */
export async function openServed(config: StoreConfigInput, options: CreateStoreOptions): Promise<Opened> {
  const { store, services, metrics, desk, board } = await openStore(config, options)
  return {
    store,
    metrics,
    board,
    internal: desk && {
      desk,
      content: (id, size, signal, except) => content(services, id, size, signal, except),
      suspect: (id) => suspect(services, id).then(() => {}),
    },
  }
}

/**
 * Checks a data directory that no server has open (`stored doctor`) and changes nothing in it. With `repair`, mends what can be derived or has a
 * good copy, and looks again; where the catalog stays broken, nothing else is touched.
 * @throws StoredError as `createStore`; DATA_DIRECTORY_UNUSABLE where there is none
 */
export async function runDoctor(
  config: StoreConfigInput,
  options: DoctorOptions & Pick<CreateStoreOptions, "log" | "masterKeys"> = {},
): Promise<DoctorReport> {
  const { data } = parseConfig(config, parseBackendConfig)
  const mended = options.repair ? await treatCatalog(join(data, "catalog")) : null
  for (const finding of mended?.findings ?? []) options.onFinding?.(finding)
  const repair = mended?.isWhole ?? false
  const visit = repair ? "treat" : "examine"
  const { log, masterKeys } = options
  const how = { work: repair, visit, ...(log && { log }), ...(masterKeys && { masterKeys }) } as const
  const opened = await openStore(config, how)
  try {
    const report = await treat(opened, { ...options, repair })
    return { ...report, repaired: report.repaired + (mended?.findings.length ?? 0) }
  } finally {
    await opened.store.close()
  }
}

const CHECKSUM_CONCURRENCY = 4

export async function openStore(input: StoreConfigInput, options: CreateStoreOptions = {}): Promise<OpenedStore> {
  // Every mistake is told before anything is opened.
  const { data } = parseConfig(input, parseBackendConfig)
  const closers: (() => unknown)[] = []
  try {
    return await assemble(data, input, options, closers)
  } catch (error) {
    for (const close of closers.reverse()) await close()
    throw error
  }
}

async function assemble(
  data: string,
  input: StoreConfigInput,
  options: CreateStoreOptions,
  closers: (() => unknown)[],
): Promise<OpenedStore> {
  const { log = silentLog, clock = systemClock, timer = systemTimer, work = true, tracer = null } = options
  const policy = { ...DEFAULT_RETRY_POLICY, ...options.retry }
  const lifecycle = new Lifecycle((error) => {
    log.error({ error: error.toJSON() }, "the store can no longer be trusted; stop the process and start it again")
    options.onFault?.(error)
  })
  const hashers = await createHashers()
  const pool = new ChecksumPool({ thread: hashThread })
  closers.push(() => pool.close())
  // Threads of their own: large files that are read for hours must not keep puts and checksums from theirs.
  const scanPool = new ChecksumPool({ thread: hashThread })
  closers.push(() => scanPool.close())
  const isExamined = options.visit === "examine"
  const catalog = new LmdbCatalog({
    directory: join(data, "catalog"),
    clock,
    examine: isExamined,
    ...(options.address && { address: options.address }),
  })
  closers.push(() => catalog.close())
  await catalog.open()
  const { localByDefault = false } = options
  const keyRing = new KeyRing(data, options.masterKeys)
  const secrets = new BackendSecrets(keyRing)
  const configured = await configure({ catalog, secrets, clock, log }, input, { localByDefault, keep: work })
  const { config } = configured
  const backends = new BackendSet(config.defaultBackends, configured.left, { readOnly: isExamined, catalog, log })
  closers.push(() => backends.close())
  const copies = new LiveCopies({
    catalog,
    backends,
    lifecycle,
    clock,
    log,
    keepBad: (location) => keepBadAt(services, location, lifecycle.signal),
    onDrift: (name) => services.runner.nudge(syncQueue(name)),
  })
  const evictionGuard = new EvictionGuard({ catalog, backends, copies, minCopies: config.minCopies })
  const stagingDirectory = config.cache.path ?? config.cache.location ?? join(config.data, "staging")
  const staging = new ContentStaging({
    directory: stagingDirectory,
    maxSize: config.cache.maxSize ?? null,
    minFree: config.cache.minFree,
    evict: config.cache.evictionPolicy === "lru",
    hashers,
    ledger: evictionGuard,
    clock,
    ...(options.visit && { visit: options.visit }),
    stageFile: (task, taskOptions) => pool.run("stageFile", task, taskOptions),
  })
  closers.push(() => staging.close())
  await staging.open()
  const recovered = await staging.recover((id) => catalog.blob(id)?.staged ?? false)
  if (recovered.restored > 0 || recovered.swept > 0)
    log.info({ ...recovered }, "staging was completed after an unclean end")
  const bus = new Bus((error) => log.error({ error }, "a listener threw"))
  const metrics = storeMetrics(() => services, { bus, clock })
  const reads = (): ScanParts => ({
    services,
    hashFiles: (task, signal) => scanPool.run("hashFiles", task, { signal }),
  })
  const base = {
    config,
    catalog,
    staging,
    backends,
    secrets,
    keyRing,
    copies,
    evictionGuard,
    bus,
    hashers,
    readTimes: new ReadTimes(catalog),
    tokens: new TokenBook(catalog.tokens, clock),
    downloads: new Downloads(),
    requests: new RunningRequests(),
    scans: new Scans(() => reads()),
    validations: new Validations(() => reads()),
    lifecycle,
    meter: metrics,
    tracer,
    clock,
    timer,
    log,
  }
  const events = jobEvents(base, (queue) => services.runner.nudge(queue))
  const lines: Omit<LaneOptions, "handlers" | "meter"> = {
    catalog,
    clock,
    policy,
    events,
    tracer,
    sideChecksums: config.checksums.slice(1),
    ...(options.jobDeadline !== undefined && { deadline: options.jobDeadline }),
  }
  const lanes: LaneOptions = { ...lines, meter: metrics, handlers: jobHandlers(() => services, pool) }
  const workers =
    options.redis && work
      ? await openWorkers({ redis: options.redis, lines, backends, bus, stagingDirectory, log })
      : null
  if (workers) closers.push(() => workers.close())
  const services: StoreServices = Object.assign(base, {
    pool: workers?.view ?? null,
    runner: new Runner({
      catalog,
      clock,
      breaker: { ...DEFAULT_BREAKER, ...options.breaker },
      events,
      openLine: (line) => {
        const here = line.backend !== null && backends.get(line.backend).inProcess
        return workers && !here ? workers.pool.openLine(line) : openLane(lanes, line)
      },
    }),
  })
  const makeBackend: BackendMaker = (name, backendConfig, knownAbilities) =>
    registerBackend(name, backendConfig, { hashers, log, endpoints: options.endpoints, tracer, knownAbilities })
  await startBackends(services, configured, makeBackend, work)
  if (work) {
    services.runner.start(CHECKSUM_CONCURRENCY)
    services.validations.beginStaging()
  }
  const endMaintenance = work ? maintain(services, policy) : async () => {}
  lifecycle.ready()
  const parts = { services, pools: [pool, scanPool], staging, endMaintenance, workers }
  const store = createFacade({ services, makeBackend, close: (deadline) => closeParts(parts, deadline) })
  return { store, services, pool, scanPool, metrics, desk: workers?.pool ?? null, board: workers?.board ?? null }
}

/** Loaded where it is needed only: the way to Redis takes as much memory as all the rest. */
async function openWorkers(parts: PoolParts): Promise<OpenedPool> {
  return (await import("./compose/pool.ts")).openPool(parts)
}
