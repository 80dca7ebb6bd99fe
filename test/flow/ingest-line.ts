/** A server, a client and ingest workers of one test, with a real Redis between them and a key prefix of their own. */
import { randomBytes } from "node:crypto"
import { onTestFinished } from "vitest"
import { type BullIngestOptions, createBullIngestIntakes } from "../../queues/bullmq/ingest-intakes.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { connect } from "../../src/client.ts"
import type { CreateStoreOptions } from "../../src/compose.ts"
import type { Log } from "../../src/store/log.ts"
import { IngestWorker, type IngestWorkerOptions } from "../../workers/ingest-worker.ts"
import { listen } from "../unit/api-server.ts"
import { openTestStore } from "./open-store.ts"

export const QUICK = { baseDelay: 5, maxDelay: 20 }

/** Collects what is logged. */
export function collectingLog(): Log & { lines: string[] } {
  const lines: string[] = []
  const add = (facts: object, message: string): void => void lines.push(`${message} ${JSON.stringify(facts)}`)
  return { lines, debug: add, info: add, warn: add, error: add } as Log & { lines: string[] }
}

export async function ingestLine(redis: { url: string }, options: CreateStoreOptions = {}) {
  const prefix = `t${randomBytes(6).toString("hex")}`
  const { store } = await openTestStore({}, options)
  const { url } = await listen(store)
  const client = connect(url, { redis: { url: redis.url, prefix } })
  onTestFinished(() => client.close({ deadline: 100 }))

  const startWorker = async (
    more: Partial<IngestWorkerOptions> & { queue?: Partial<BullIngestOptions>; roots?: string[] } = {},
  ) => {
    const { queue, roots = [], ...rest } = more
    const log = collectingLog()
    const events = { lost: () => {}, found: () => {}, trouble: () => {} }
    const worker = new IngestWorker({
      store: connect(url),
      openIntakes: (name) =>
        createBullIngestIntakes({ url: redis.url, prefix: name, events, pauses: QUICK, lock: 1_500, ...queue }),
      limits: { roots, urls: { prefixes: [], allowPrivate: false } },
      hashers: await createHashers(),
      log,
      grace: 1_000,
      concurrency: null,
      ...rest,
    })
    onTestFinished(() => worker.stop())
    worker.follow(prefix)
    return { worker, log }
  }
  return { store, url, client, prefix, startWorker }
}
