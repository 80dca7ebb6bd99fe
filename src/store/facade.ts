/** The `Store` over the open parts: one verb a file, bound together here. Every error that leaves is a `StoredError`. */
import type { Readable } from "node:stream"
import type { JournalRecord, OutboxRecord } from "../catalog/record.ts"
import { type StoredError, toStoredError } from "../core/error.ts"
import { addBackend, type BackendMaker } from "./add-backend.ts"
import { archive } from "./archive/archive.ts"
import { archiveSources } from "./archive/archive-sources.ts"
import { checkEvent } from "./check-event.ts"
import { checkOptions } from "./check-options.ts"
import { clearCache } from "./clear-cache.ts"
import { copy } from "./copy.ts"
import { copyMany } from "./copy-many.ts"
import { remove } from "./delete.ts"
import { deleteMany } from "./delete-many.ts"
import { events } from "./events.ts"
import { evictTarget } from "./evict-target.ts"
import { list } from "./list.ts"
import { get, open } from "./open.ts"
import { PagedItems } from "./paged.ts"
import { pauseBackend } from "./pause-backend.ts"
import { put } from "./put.ts"
import { removeBackend } from "./remove-backend.ts"
import { requestName } from "./running-requests.ts"
import { drift } from "./scan/drift.ts"
import { look, notify } from "./scan/notify.ts"
import type { StoreServices } from "./services.ts"
import { setBackend } from "./set-backend.ts"
import { signedOf } from "./signed/signed.ts"
import { stat } from "./stat.ts"
import { backendInfo, status } from "./status.ts"
import type { CopiedEntry, FailedOptions, GetOptions, Store } from "./store.ts"
import { synced } from "./synced.ts"
import { testBackend } from "./test-backend.ts"
import { keyOfJob, namedWithin } from "./tokens/named-within.ts"
import { tokensOf } from "./tokens/tokens.ts"
import { tracedStore } from "./traced-store.ts"
import { validate } from "./validate/validate.ts"
import { why } from "./why.ts"

export interface FacadeParts {
  services: StoreServices
  makeBackend: BackendMaker
  close(deadline: number): Promise<void>
}

const CLOSE_DEADLINE = 10_000
const RETRY_PAGE = 1_000

export function createFacade({ services, makeBackend, close }: FacadeParts): Store {
  const { catalog, staging, bus, lifecycle } = services
  let closing: Promise<void> | null = null

  /** Gives every failure its type; an unknown commit outcome ends the store (P3). */
  const typed = (error: unknown): StoredError => {
    const fault = toStoredError(error)
    if (fault.code === "COMMIT_UNKNOWN") lifecycle.fail(fault)
    return fault
  }
  const guard = async <Result>(work: () => Promise<Result> | Result): Promise<Result> => {
    const leave = lifecycle.enter()
    try {
      lifecycle.requireOpen()
      return await work()
    } catch (error) {
      throw typed(error)
    } finally {
      leave()
    }
  }
  const guardEach = async function* <Item>(items: () => AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
    try {
      yield* items()
    } catch (error) {
      throw typed(error)
    }
  }
  const copyOne: Store["copy"] = (from, to, options) =>
    guard(() => copy(services, from, to, checkOptions("copy", options), { moves: false }))
  const moveOne: Store["move"] = (from, to, options) =>
    guard(() => copy(services, from, to, checkOptions("copy", options), { moves: true }))
  const manyOf = (...[pairs, options, how]: RestOf<typeof copyMany>): AsyncIterable<CopiedEntry> =>
    new PagedItems(guardEach(() => copyMany(services, pairs, checkOptions("copyMany", options), how)))

  const store: Store = {
    put: (input, options) => guard(() => put(services, input, checkOptions("put", options))),
    get: ((idOrKey: string, options?: GetOptions) =>
      guard(() => get(services, idOrKey, checkOptions("get", options)))) as GetVerb,
    open: (idOrKey, options) => guard(() => open(services, idOrKey, checkOptions("get", options))),
    delete: (idOrKey, options) => guard(() => remove(services, idOrKey, checkOptions("delete", options))),
    deleteMany: (keys, options) => guard(() => deleteMany(services, keys, checkOptions("deleteMany", options))),
    copy: copyOne,
    move: moveOne,
    copyMany: (pairs, options = {}) => manyOf(pairs, options, { operation: "copy", act: copyOne }),
    moveMany: (pairs, options = {}) => manyOf(pairs, options, { operation: "move", act: moveOne }),
    isRepeated: (operation, request) => {
      const name = requestName(operation, request)
      return name !== null && catalog.isRepeated(name, services.clock.now())
    },
    list: (options) => new PagedItems(guardEach(() => list(services, checkOptions("list", options)))),
    stat: (idOrKey) => guard(() => stat(services, idOrKey)),
    has: (idOrKey) => guard(() => stat(services, idOrKey) !== null),
    synced: (idOrKey, options) => guard(() => synced(services, idOrKey, checkOptions("synced", options))),
    archive: (options) => guard(() => archive(archiveSources(services), checkOptions("archive", options))),
    why: (idOrKey, options) => guard(() => why(services, idOrKey, checkOptions("why", options))),
    ...signedOf(services, guard),
    addBackend: (name, config, options) =>
      guard(() => addBackend(services, makeBackend, name, config, checkOptions("setBackend", options))),
    setBackend: (name, config, options) =>
      guard(() => setBackend(services, makeBackend, name, config, checkOptions("setBackend", options))),
    testBackend: (name, options) => guard(() => testBackend(services, name, checkOptions("testBackend", options))),
    removeBackend: (name, options) =>
      guard(() => removeBackend(services, name, checkOptions("removeBackend", options))),
    pauseBackend: (name, options) =>
      guard(() => pauseBackend(services, name, true, checkOptions("pauseBackend", options))),
    resumeBackend: (name, options) =>
      guard(() => pauseBackend(services, name, false, checkOptions("pauseBackend", options))),
    scan: (name, options) => guard(() => services.scans.start(name, checkOptions("scan", options))),
    scanStatus: (name) => services.scans.status(name),
    pauseScan: (name, options) => guard(() => services.scans.stop(name, "pause", checkOptions("scan", options))),
    cancelScan: (name, options) => guard(() => services.scans.stop(name, "cancel", checkOptions("scan", options))),
    validate: (name, options) => guard(() => validate(services, name, checkOptions("validate", options))),
    validateStatus: (name) => services.validations.status(name),
    pauseValidate: (name, options) =>
      guard(() => services.validations.stop(name, "pause", checkOptions("pauseBackend", options))),
    cancelValidate: (name, options) =>
      guard(() => services.validations.stop(name, "cancel", checkOptions("pauseBackend", options))),
    drift: (name, options) => new PagedItems(guardEach(() => drift(services, name, checkOptions("drift", options)))),
    look: (name, keys, actor) => guard(() => look(services, name, keys, checkOptions("look", actor))),
    notify: (name, notification) => guard(() => notify(services, name, notification)),
    heal: (name, options) => guard(() => retry(services, { ...checkOptions("heal", options), backend: name })),
    listBackends: () => services.backends.names(),
    getBackend: (name) => backendInfo(services, name),
    cache: {
      stats: () => staging.stats(),
      evict: (what, actor) =>
        guard(() =>
          services.evictionGuard.askedBy(checkOptions("evict", actor) ?? {}, () => staging.evict(evictTarget(what))),
        ),
      clear: (options) => guard(() => clearCache(services, checkOptions("clear", options))),
    },
    tokens: tokensOf(services, guard),
    namedWithin: (reference, prefixes) => namedWithin(catalog, reference, prefixes),
    keyOfJob: (payload, prefixes) => keyOfJob(catalog, payload, prefixes),
    on: (name, listener) => bus.on(checkEvent(name, listener), listener),
    off: (name, listener) => bus.off(name, listener),
    events: (options) => {
      // Where to begin is settled by the call, not by the first read.
      const { after = catalog.lastSequence(), ...rest } = checkOptions("events", options) ?? {}
      return guardEach(() => events(services, { ...rest, after }))
    },
    journal: (options): Iterable<JournalRecord> => {
      const { after = 0, limit } = checkOptions("journal", options) ?? {}
      return catalog.journal({ after, ...(limit !== undefined && { limit }) })
    },
    failed: (options): Iterable<OutboxRecord> =>
      catalog.outbox({ status: "parked", ...parkedPage(checkOptions("failed", options)) }),
    retry: (options) => guard(() => retry(services, checkOptions("retry", options))),
    status: () => status(services),
    idle: (options) =>
      guard(() => services.runner.idle(anyOf(checkOptions("idle", options)?.signal, lifecycle.signal))),
    close: async (options) => {
      const { deadline = CLOSE_DEADLINE } = checkOptions("close", options) ?? {}
      closing ??= close(deadline)
      return closing
    },
  }
  return tracedStore(store, services.tracer)
}

type RestOf<Verb> = Verb extends (first: never, ...rest: infer Rest) => unknown ? Rest : never

interface GetVerb {
  (idOrKey: string, options: GetOptions & { stream: true }): Promise<Readable>
  (idOrKey: string, options?: GetOptions & { stream?: false }): Promise<Buffer>
}

function parkedPage(options: FailedOptions = {}): { queue?: string; afterSequence?: number; limit?: number } {
  return {
    ...(options.backend !== undefined && { queue: `sync-${options.backend}` }),
    ...(options.after !== undefined && { afterSequence: options.after }),
    ...(options.limit !== undefined && { limit: options.limit }),
  }
}

function anyOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal ? AbortSignal.any([signal, other]) : other
}

type RetryOptions = NonNullable<Parameters<Store["retry"]>[0]>

async function retry(services: StoreServices, options: RetryOptions = {}): Promise<number> {
  if (options.backend !== undefined) services.backends.get(options.backend)
  let total = 0
  for (let revived = RETRY_PAGE; revived === RETRY_PAGE; total += revived) {
    revived = await services.catalog.commitRetry({ ...options, limit: RETRY_PAGE, time: services.clock.now() })
  }
  services.runner.nudgeAll()
  return total
}
