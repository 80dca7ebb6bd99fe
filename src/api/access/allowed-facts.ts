/** Events, journal records and jobs, for whoever may know of a part of the keys or of some backends only. What does not say that it is theirs is not. */
import type { JournalRecord, OutboxRecord } from "../../catalog/record.ts"
import type { Access } from "../../core/access.ts"
import { throwIfAborted } from "../../core/error.ts"
import type { StoreEvent, StoreEventName } from "../../core/event.ts"
import type { FailedOptions, Store } from "../../store/store.ts"

/** Records that are looked through between two turns of the event loop. */
const PAGE = 1_000

/** Events whose keys are those of objects. Of any other one nobody knows whose it is. */
const KEYED: ReadonlySet<StoreEventName> = new Set<StoreEventName>([
  "put",
  "delete",
  "sync:start",
  "sync:complete",
  "sync:error",
  "change",
  "move",
  "drift",
  "read:fallback",
])

export function mayHear(access: Access, { type, data }: Pick<StoreEvent, "type" | "data">): boolean {
  const { key, from, backend, servedFrom } = data as Record<string, unknown>
  if (!isOwnBackend(access, backend) || !isOwnBackend(access, servedFrom)) return false
  if (access.prefixes === null) return true
  return KEYED.has(type) && isOwnKey(access, key) && (from === undefined || isOwnKey(access, from))
}

export function mayReadRecord(access: Access, { command, key, backend, detail }: JournalRecord): boolean {
  if (command.startsWith("token-") && !access.allows("admin")) return false
  if (!isOwnBackend(access, backend)) return false
  if (access.prefixes === null) return true
  return isOwnKey(access, key) && (detail.from === undefined || isOwnKey(access, detail.from))
}

/** A job about content is of all who have it: to whoever may touch a part of the keys it would tell of the others. */
export function maySeeJob(store: Pick<Store, "keyOfJob">, access: Access, { payload }: OutboxRecord): boolean {
  if (access.prefixes !== null && payload.kind === "checksum") return false
  if (payload.kind === "sync" && !access.allowsBackend(payload.backend)) return false
  return access.prefixes === null || isOwnKey(access, store.keyOfJob(payload, access.prefixes))
}

function isOwnKey(access: Access, key: unknown): boolean {
  return typeof key === "string" && access.allowsKey(key)
}

function isOwnBackend(access: Access, backend: unknown): boolean {
  return typeof backend !== "string" || access.allowsBackend(backend)
}

/** A store whose events are those that somebody may hear, until their token is good no more: then events end. */
export function allowedEvents(
  store: Pick<Store, "events" | "on" | "tokens">,
  access: Access,
): Pick<Store, "events" | "on"> {
  const { token, prefixes, backends } = access
  if (token === null && prefixes === null && backends === null) return store
  const isGood = (): boolean => token === null || store.tokens.isGood(token)
  return {
    events: (options) => only(store.events(options), isGood, (event) => mayHear(access, event)),
    on: (name, listener) =>
      store.on(name, (data, event) => {
        const isOwn = mayHear(access, { type: name, data } as Pick<StoreEvent, "type" | "data">)
        if (isOwn && isGood()) listener(data, event)
      }),
  }
}

async function* only<Item>(
  items: AsyncIterable<Item>,
  isGood: () => boolean,
  isWanted: (item: Item) => boolean,
): AsyncGenerator<Item> {
  for await (const item of items) {
    if (!isGood()) return
    if (isWanted(item)) yield item
  }
}

interface SequencePage {
  after: number
  limit: number
}

/** A page that is as long as it was asked for, unless there is no more. */
export function allowedJournal(
  store: Pick<Store, "journal">,
  access: Access,
  page: SequencePage,
  signal: AbortSignal,
): Promise<JournalRecord[]> {
  return fill(
    (part) => store.journal(part),
    (record) => mayReadRecord(access, record),
    page,
    signal,
  )
}

export function allowedFailures(
  store: Pick<Store, "failed" | "keyOfJob">,
  access: Access,
  { backend, ...page }: SequencePage & Pick<FailedOptions, "backend">,
  signal: AbortSignal,
): Promise<OutboxRecord[]> {
  const only = backend === undefined ? {} : { backend }
  return fill(
    (part) => store.failed({ ...part, ...only }),
    (job) => maySeeJob(store, access, job),
    page,
    signal,
  )
}

/** @throws StoredError ABORTED */
async function fill<Row extends { sequence: number }>(
  read: (page: SequencePage) => Iterable<Row>,
  isWanted: (row: Row) => boolean,
  { after, limit }: SequencePage,
  signal: AbortSignal,
): Promise<Row[]> {
  const found: Row[] = []
  for (;;) {
    let seen = 0
    for (const row of read({ after, limit: PAGE })) {
      seen += 1
      after = row.sequence
      if (isWanted(row)) found.push(row)
      if (found.length === limit) return found
    }
    if (seen < PAGE) return found
    await new Promise((resume) => setImmediate(resume))
    throwIfAborted(signal)
  }
}
