/**
 * `connect`: a running server by the same verbs as a store in this process. Nothing is sent before the first call. Errors are the server's own
 * `StoredError`s; a server that does not answer is BACKEND_UNAVAILABLE or, in time, TIMEOUT.
 */
import type { Readable } from "node:stream"
import { MAX_WAIT } from "../core/config.ts"
import { StoredError } from "../core/error.ts"
import { checkEvent } from "../store/check-event.ts"
import { checkOptions } from "../store/check-options.ts"
import type { GetOptions, StoreStatus } from "../store/store.ts"
import { authorization, parseAddress } from "./address.ts"
import { archive } from "./archive.ts"
import { addBackend, getBackend, listBackends, removeBackend, setBackend, testBackend } from "./backends.ts"
import { cacheStats, clear, evict } from "./cache.ts"
import { Calls } from "./calls.ts"
import { copy, copyMany, deleteMany } from "./copy.ts"
import { remove } from "./delete.ts"
import { drift } from "./drift.ts"
import { checkEnqueueId, enqueue } from "./enqueue.ts"
import { type EnqueuedPut, enqueuedResult, enqueuedState } from "./enqueue-handle.ts"
import { LazyIngestQueue } from "./enqueue-queue.ts"
import { events } from "./events.ts"
import { Link } from "./link.ts"
import { failed, journal, list } from "./pages.ts"
import { pauseBackend } from "./pause-backend.ts"
import { put } from "./put.ts"
import { get, open } from "./read.ts"
import type { ConnectOptions, RemoteStore } from "./remote-store.ts"
import { retry } from "./retry.ts"
import { heal, look, scan, scanStatus, stopScan } from "./scan.ts"
import { revokeSignedUrls, signedUrl } from "./signed-url.ts"
import { stat } from "./stat.ts"
import { Subscription } from "./subscription.ts"
import { createToken, getToken, listTokens, revokeToken, rotateToken } from "./tokens.ts"
import { stopValidate, validate, validateStatus } from "./validate.ts"
import { idle, synced } from "./wait.ts"
import { why } from "./why.ts"

const TIMEOUT = 30_000
const CLOSE_DEADLINE = 10_000

/** @throws StoredError INVALID_INPUT where the address or an option is none */
export function connect(url: string, options: ConnectOptions = {}): RemoteStore {
  const { timeout = TIMEOUT, onError = warn } = options
  requireTimeout(timeout)
  const calls = new Calls()
  const queue = new LazyIngestQueue(options.redis)
  const placing = new Set<Promise<void>>()
  const inOrder = async (): Promise<void> => {
    await Promise.all([subscription.placed(), ...placing])
  }
  const { traceparent } = options
  const bare = { base: parseAddress(url), headers: authorization(options.token), timeout, traceparent }
  /** for what keeps the order; everything else goes by `link`, behind it */
  const first = new Link(bare)
  const link = new Link({ ...bare, before: inOrder })
  const subscription = new Subscription(first, onError)
  let closing: Promise<void> | null = null

  const waiting = <Options extends { signal?: AbortSignal }>(given: Options | undefined): Options =>
    ({ ...given, signal: anyOf(given?.signal, calls.closing) }) as Options

  const close = async (deadline: number): Promise<void> => {
    subscription.close()
    await calls.close(deadline)
    await queue.close()
    first.close()
    link.close()
  }

  const enqueued = (id: string): EnqueuedPut => ({
    id: checkEnqueueId(id),
    state: () => calls.run(() => enqueuedState(queue.open, id)),
    finished: (given) => calls.run(() => enqueuedResult(queue.open, id, waiting(checkOptions("idle", given)))),
  })

  return {
    put: (input, given) => calls.run(() => put(link, input, given)),
    enqueue: (source, given) => calls.run(async () => enqueued(await enqueue(queue.open, source, given))),
    enqueued,
    get: ((idOrKey: string, given?: GetOptions) => calls.run(() => get(link, idOrKey, given))) as GetVerb,
    open: (idOrKey, given) => calls.run(() => open(link, idOrKey, given)),
    delete: (idOrKey, given) => calls.run(() => remove(link, idOrKey, given)),
    deleteMany: (keys, given) => calls.run(() => deleteMany(link, keys, given)),
    copy: (from, to, given) => calls.run(() => copy(link, "copy", { from, to }, given)),
    move: (from, to, given) => calls.run(() => copy(link, "move", { from, to }, given)),
    copyMany: (pairs, given) => copyMany(link, "copy", pairs, given),
    moveMany: (pairs, given) => copyMany(link, "move", pairs, given),
    list: (given) => list(link, given),
    stat: (idOrKey) => calls.run(() => stat(link, idOrKey)),
    has: (idOrKey) => calls.run(async () => (await stat(link, idOrKey)) !== null),
    synced: (idOrKey, given) => calls.run(() => synced(link, idOrKey, waiting(checkOptions("synced", given)))),
    why: (idOrKey, given) => calls.run(() => why(link, idOrKey, given)),
    archive: (given) => calls.run(() => archive(link, given)),
    signedUrl: (idOrKey, given) => calls.run(() => signedUrl(link, idOrKey, given)),
    revokeSignedUrls: () => calls.run(() => revokeSignedUrls(link)),
    addBackend: (name, config) => calls.run(() => addBackend(link, name, config)),
    setBackend: (name, config) => calls.run(() => setBackend(link, name, config)),
    testBackend: (name, given) => calls.run(() => testBackend(link, name, given)),
    removeBackend: (name, given) => calls.run(() => removeBackend(link, name, given)),
    pauseBackend: (name, given) => calls.run(() => pauseBackend(link, name, "pause", given)),
    resumeBackend: (name, given) => calls.run(() => pauseBackend(link, name, "resume", given)),
    scan: (name, given) => calls.run(() => scan(link, name, given)),
    scanStatus: (name) => calls.run(() => scanStatus(link, name)),
    pauseScan: (name, given) => calls.run(() => stopScan(link, name, "pause", given)),
    cancelScan: (name, given) => calls.run(() => stopScan(link, name, "cancel", given)),
    validate: (name, given) => calls.run(() => validate(link, name, given)),
    validateStatus: (name) => calls.run(() => validateStatus(link, name)),
    pauseValidate: (name, given) => calls.run(() => stopValidate(link, name, "pause", given)),
    cancelValidate: (name, given) => calls.run(() => stopValidate(link, name, "cancel", given)),
    drift: (name, given) => drift(link, name, given),
    heal: (name, given) => calls.run(() => heal(link, name, given)),
    look: (name, keys) => calls.run(() => look(link, name, keys)),
    listBackends: () => calls.run(() => listBackends(link)),
    getBackend: (name) => calls.run(() => getBackend(link, name)),
    cache: {
      stats: () => calls.run(() => cacheStats(link)),
      evict: (what) => calls.run(() => evict(link, what)),
      clear: (given) => calls.run(() => clear(link, given)),
    },
    tokens: {
      create: (settings, given) => calls.run(() => createToken(link, settings, given)),
      list: () => calls.run(() => listTokens(link)),
      get: (id) => calls.run(() => getToken(link, id)),
      rotate: (id, given) => calls.run(() => rotateToken(link, id, given)),
      revoke: (id) => calls.run(() => revokeToken(link, id)),
    },
    on: (name, listener) => {
      checkEvent(name, listener)
      return calls.closing.aborted ? () => {} : subscription.on(name, listener)
    },
    off: (name, listener) => subscription.off(name, listener),
    events: (given) => {
      const onBreak = options.onError ?? (() => {})
      const { items, placed } = events(first, { ...checkOptions("events", given), closing: calls.closing, onBreak })
      placing.add(placed)
      void placed.then(() => placing.delete(placed))
      return items
    },
    journal: (given) => journal(link, given),
    failed: (given) => failed(link, given),
    retry: (given) => calls.run(() => retry(link, given)),
    status: () => calls.run(() => link.json<StoreStatus>({ path: "/v1/status" })),
    idle: (given) => calls.run(() => idle(link, waiting(checkOptions("idle", given)))),
    close: async (given) => {
      const { deadline = CLOSE_DEADLINE } = checkOptions("close", given) ?? {}
      closing ??= close(deadline)
      return closing
    },
  }
}

interface GetVerb {
  (idOrKey: string, options: GetOptions & { stream: true }): Promise<Readable>
  (idOrKey: string, options?: GetOptions & { stream?: false }): Promise<Buffer>
}

function anyOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal ? AbortSignal.any([signal, other]) : other
}

/** @throws StoredError INVALID_INPUT */
function requireTimeout(timeout: unknown): void {
  if (Number.isSafeInteger(timeout) && (timeout as number) > 0 && (timeout as number) <= MAX_WAIT) return
  throw new StoredError(
    "INVALID_INPUT",
    `timeout is ${String(timeout)}; give a whole number of ms from 1 to ${MAX_WAIT}.`,
  )
}

/** Where nobody asked to be told: what mends itself is nobody's business, the rest must not go unseen. */
function warn(error: StoredError): void {
  if (!error.retryable)
    process.emitWarning(`${error.message} [${error.code}]`, { type: "StoredWarning", code: error.code })
}
