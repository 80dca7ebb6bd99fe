/** The pool shape in one process: a server with its HTTP door over a store, with a real Redis, and workers beside it that reach both as others would. */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { pino } from "pino"
import { onTestFinished } from "vitest"
import { createBullIntakes } from "../../queues/bullmq.ts"
import type { Pace } from "../../queues/pace.ts"
import { buildApp } from "../../src/api/app.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { ChecksumPool } from "../../src/checksums/pool.ts"
import type { CreateStoreOptions, OpenedStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { content } from "../../src/store/content.ts"
import { suspect } from "../../src/store/suspect.ts"
import { hashThread } from "../../workers/hash-thread-url.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { Worker, type WorkerOptions } from "../../workers/worker.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

export interface OpenedPool {
  opened: OpenedStore
  /** of the server */
  url: string
  prefix: string
  /** where the backends `a` and `b` lie */
  roots: { a: string; b: string }
  /** One more worker, at work; stopped with the test. */
  addWorker(options?: Partial<WorkerOptions> & { lock?: number }): Promise<Worker>
}

/** Two fs backends `a` and `b` unless the test configures others. @param pace for tests that would have to wait for the server otherwise */
export async function openTestPool(
  redis: string,
  config: StoreConfigInput = {},
  options: CreateStoreOptions = {},
  pace: Partial<Pace> = {},
): Promise<OpenedPool> {
  const directory = await temporaryDirectory()
  const roots = { a: join(directory, "a"), b: join(directory, "b") }
  const backends = { a: { driver: "fs", root: roots.a }, b: { driver: "fs", root: roots.b } }
  const prefix = `t${randomBytes(6).toString("hex")}`
  const opened = await openTestStore(
    { backends, ...config, data: join(directory, "data") },
    { redis: { url: redis, prefix, pace }, ...options },
  )
  const { services, store } = opened
  const app = buildApp({
    store,
    internal: {
      token: TOKEN,
      services: () => ({
        desk: opened.desk!,
        content: (id, size, signal, except) => content(services, id, size, signal, except),
        suspect: (id) => suspect(services, id).then(() => {}),
      }),
    },
  })
  const url = new URL(await app.listen({ host: "127.0.0.1", port: 0 }))
  onTestFinished(async () => {
    const closed = app.close()
    app.server.closeAllConnections()
    await closed
  })
  const hashers = await createHashers()
  const addWorker: OpenedPool["addWorker"] = async ({ lock, ...more } = {}) => {
    const quiet = { lost: () => {}, found: () => {}, trouble: () => {} }
    const worker = new Worker({
      server: new ServerClient({ url, token: TOKEN }),
      openIntakes: () => createBullIntakes({ url: redis, prefix, events: quiet, ...(lock !== undefined && { lock }) }),
      kinds: ["sync", "checksum"],
      backends: null,
      concurrency: null,
      pool: new ChecksumPool({ thread: hashThread }),
      hashers,
      log: pino({ level: "silent" }),
      grace: 1_000,
      ...more,
    })
    onTestFinished(() => worker.stop())
    await worker.start()
    return worker
  }
  return { opened, url: url.href, prefix, roots, addWorker }
}
