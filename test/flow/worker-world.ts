/** A whole worker in this process, over HTTP, beside a real store whose server has a desk of the test. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Writable } from "node:stream"
import { pino } from "pino"
import { onTestFinished } from "vitest"
import type { Job } from "../../queues/job.ts"
import { buildApp } from "../../src/api/app.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { ChecksumPool } from "../../src/checksums/pool.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import { content } from "../../src/store/content.ts"
import { suspect } from "../../src/store/suspect.ts"
import { hashThread } from "../../workers/hash-thread-url.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { Worker, type WorkerOptions } from "../../workers/worker.ts"
import { MemoryTransport } from "../unit/memory-transport.ts"
import { TestDesk, TOKEN } from "../unit/worker-desk.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

export const BYTES = Buffer.alloc(700_000, "worker ")

export const SMALL = Buffer.from("a small one")

export interface World {
  desk: TestDesk
  transport: MemoryTransport
  worker: Worker
  /** of the backend `b`, which only the worker knows */
  root: string
  lines: string[]
  ids: { large: BlobId; small: BlobId }
  asked: string[]
  directory: string
  queues: string[][]
  server: { start(): Promise<void>; stop(): Promise<void> }
}

/** A store with two blobs, its server with a desk of the test, and a worker that is not started. */
export async function makeWorld(options: Partial<WorkerOptions> & { shared?: boolean } = {}): Promise<World> {
  const { shared = true, ...more } = options
  const opened = await openTestStore({ defaultBackends: ["a"] })
  const { directory, services } = opened
  const large = await opened.store.put(BYTES, { key: "large" })
  const small = await opened.store.put(SMALL, { key: "small" })
  await opened.store.idle()
  const root = await temporaryDirectory()
  const desk = new TestDesk()
  const staging = join(directory, "staging")
  await writeFile(join(staging, "probe"), "ours")
  desk.staging = { directory: staging, probe: { file: "probe", text: shared ? "ours" : "theirs" } }
  desk.backends = [{ name: "b", settings: { driver: "fs", root }, concurrency: 2 }]
  const asked: string[] = []
  const build = () => {
    const app = buildApp({
      store: opened.store,
      internal: {
        token: TOKEN,
        services: () => ({
          desk,
          content: (id, size, signal, except) => {
            asked.push(id)
            return content(services, id, size, signal, except)
          },
          suspect: (id) => suspect(services, id).then(() => {}),
        }),
      },
    })
    return app
  }
  let app = build()
  await app.listen({ host: "127.0.0.1", port: 0 })
  const { port } = app.server.address() as { port: number }
  const stop = async (): Promise<void> => {
    const closed = app.close()
    app.server.closeAllConnections()
    await closed
  }
  const server = {
    stop,
    start: async () => {
      app = build()
      await app.listen({ host: "127.0.0.1", port })
    },
  }
  const transport = new MemoryTransport()
  const lines: string[] = []
  const log = pino({ level: "trace" }, new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }))
  const queues: string[][] = []
  const worker = new Worker({
    server: new ServerClient({ url: new URL(`http://127.0.0.1:${port}`), token: TOKEN }),
    openIntakes: () => transport,
    kinds: ["sync", "checksum"],
    backends: null,
    concurrency: null,
    pool: new ChecksumPool({ thread: hashThread, maxThreads: 1 }),
    hashers: await createHashers(),
    log,
    grace: 10_000,
    retryEvery: 5,
    moment: 1_000,
    exchange: { heartbeat: 5 },
    backoff: { first: 1, most: 5 },
    onQueues: (names) => void queues.push(names),
    ...more,
  })
  onTestFinished(async () => {
    await worker.stop()
    await stop()
  })
  const ids = { large: large.id, small: small.id }
  return { desk, transport, worker, root, lines, ids, asked, directory, queues, server }
}

export const wanted = (id: BlobId, size: number) => ({ id, size, mimeType: "text/plain" })

export function checksumOrder(id: BlobId, size: number) {
  const job: Job = { version: 1, kind: "checksum", id, size, algorithms: ["md5", "xxh3"] }
  return { claim: `claim-${size}`, job, deadline: 60_000 }
}
