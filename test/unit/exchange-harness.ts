/** A worker's end of the exchange over a desk of tests. */
import { onTestFinished } from "vitest"
import { exchangeSchema, type WorkerInfo } from "../../queues/exchange.ts"
import { ExchangeClient, type ExchangeClientOptions } from "../../workers/exchange-client.ts"
import { TestDesk } from "./worker-desk.ts"

export const WORKER: WorkerInfo = {
  id: "worker-of-tests",
  host: "h",
  pid: 1,
  started: 0,
  kinds: ["sync"],
  backends: [],
  running: 0,
  taking: true,
}
export const NEVER = new AbortController().signal

/** Not started: the test does that. Closed with the test. */
export function makeClient(options: Partial<ExchangeClientOptions> = {}) {
  const desk = new TestDesk()
  const logged: [object, string][] = []
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (facts: object, text: string) => void logged.push([facts, text]),
  }
  const client = new ExchangeClient({
    // As over the wire: what is no JSON or no message does not arrive.
    send: async (message) => desk.exchange(exchangeSchema.parse(JSON.parse(JSON.stringify(message)))),
    worker: () => WORKER,
    onRevision: () => {},
    log,
    heartbeat: 60_000,
    backoff: { first: 1, most: 2 },
    ...options,
  })
  onTestFinished(() => client.close(0))
  return { client, desk, logged }
}
