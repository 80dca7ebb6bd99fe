/** The paths for workers over a desk of tests, on a port of their own. */
import { Readable, Writable } from "node:stream"
import { pino } from "pino"
import { onTestFinished } from "vitest"
import { EXCHANGE_VERSION } from "../../queues/exchange.ts"
import { buildApp } from "../../src/api/app.ts"
import type { InternalServices } from "../../src/api/internal-services.ts"
import type { ApiLimits } from "../../src/api/limits.ts"
import { WORKER } from "./exchange-harness.ts"
import { mapStore } from "./map-store.ts"
import { TestDesk, TOKEN } from "./worker-desk.ts"

export const BEARER = { authorization: `Bearer ${TOKEN}` }

export const EMPTY = { version: EXCHANGE_VERSION, now: 1, worker: WORKER, claims: [], results: [] }

export async function serve(parts: Partial<InternalServices> = {}, limits: Partial<ApiLimits> = {}) {
  const desk = new TestDesk()
  const lines: string[] = []
  const log = pino({ level: "trace" }, new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }))
  const services: InternalServices = {
    desk,
    content: async () => ({ size: 0, read: () => Readable.from([]) }),
    suspect: async () => {},
    ...parts,
  }
  const app = buildApp({ store: mapStore(), log, limits, internal: { token: TOKEN, services: () => services } })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { desk, lines, port, url: `http://127.0.0.1:${port}` }
}

export function post(url: string, body: string | Uint8Array | ReadableStream): Promise<Response> {
  return fetch(`${url}/internal/exchange`, { method: "POST", headers: BEARER, body, duplex: "half" } as RequestInit)
}
