/** `events`: committed events one by one, past ones first. They come only as fast as they are taken. */
import { isStoredError, type StoredError } from "../core/error.ts"
import type { StoreEvent } from "../core/event.ts"
import type { StoreStatus } from "../store/store.ts"
import { eventStream } from "./event-stream.ts"
import type { Link } from "./link.ts"

export interface EventsOptions {
  after?: number
  signal?: AbortSignal
  /** ends it, without an error */
  closing: AbortSignal
  /** told of connections that broke */
  onBreak(error: StoredError): void
}

/** Where to begin is settled by the call, not by the first read: `placed` resolves when it is, or cannot be. */
export function events(
  link: Link,
  { after, signal, closing, onBreak }: EventsOptions,
): { items: AsyncGenerator<StoreEvent>; placed: Promise<void> } {
  const end = signal ? AbortSignal.any([signal, closing]) : closing
  const place = after === undefined ? lastSequence(link, end) : Promise.resolve(after)
  async function* items(): AsyncGenerator<StoreEvent> {
    const from = await place
    if (isStoredError(from)) {
      if (end.aborted) return
      throw from
    }
    yield* eventStream(link, { after: from, hints: false, signal: end, onBreak })
  }
  return { items: items(), placed: place.then(() => {}) }
}

/** The error is for whoever reads: nobody may ever do. */
async function lastSequence(link: Link, signal: AbortSignal): Promise<number | StoredError> {
  return link.json<StoreStatus>({ path: "/v1/status", signal }).then(
    (status) => status.lastSequence,
    (error: StoredError) => error,
  )
}
