/**
 * The queues as a board shows them, over a connection of its own: whoever looks must not be in the way of the jobs. They can only be looked at; the outbox
 * is the truth, and what is retried or removed here would mean nothing.
 */
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter"
import { type ConnectionOptions, Queue } from "bullmq"
import type { BullOptions } from "../bullmq.ts"
import { INGEST_QUEUE, shownIngest } from "../ingest.ts"
import { connectRedis } from "../redis.ts"

export interface BoardQueues {
  /** as the board's library takes them */
  of(names: readonly string[]): BullMQAdapter[]
  close(): void
}

/** @throws StoredError INVALID_CONFIG where the URL is none */
export function openBoardQueues({ url, prefix, events }: BullOptions): BoardQueues {
  const redis = connectRedis(url, { maxRetriesPerRequest: 1 }, events)
  const shown = new Map<string, BullMQAdapter>()
  const show = (name: string): BullMQAdapter => {
    const queue = new Queue(name, {
      connection: redis as ConnectionOptions,
      prefix,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    })
    queue.on("error", (error) => events.trouble(error))
    const adapter = new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false })
    if (name === INGEST_QUEUE) adapter.setFormatter("data", shownIngest)
    shown.set(name, adapter)
    return adapter
  }
  return {
    of: (names) => names.map((name) => shown.get(name) ?? show(name)),
    close: () => redis.disconnect(),
  }
}
