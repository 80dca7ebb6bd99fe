/** The entry of a worker: only wires. What it does stands in `run-worker.ts`; where it cannot start, one line a mistake says why. */
import "../src/thread-pool.ts"
import type { Logger } from "pino"
import { createBullIngestIntakes } from "../queues/bullmq/ingest-intakes.ts"
import { type BullEvents, createBullIntakes } from "../queues/bullmq.ts"
import { exitCode } from "../src/cli/exit-code.ts"
import { faultLines } from "../src/cli/fault.ts"
import { connect } from "../src/client.ts"
import { parseWorkerCommand } from "./command-line.ts"
import { parseWorkerEnvironment } from "./environment.ts"
import { runWorker } from "./run-worker.ts"

try {
  const command = parseWorkerCommand(process.argv.slice(2), (text) => process.stdout.write(text))
  if (command) {
    const events = (log: Logger): BullEvents => ({
      lost: (error) => log.warn({ err: error }, "Redis does not answer; it is tried again"),
      found: () => log.info("Redis answers"),
      trouble: (error) => log.debug({ err: error }, "a queue met a fault and goes on"),
    })
    await runWorker(
      parseWorkerEnvironment({ ...process.env, ...(command.insecureRedis && { STORED_INSECURE_REDIS: "1" }) }),
      command,
      ({ url, prefix, lock, log }) => createBullIntakes({ url, prefix, lock, events: events(log) }),
      {
        openIntakes: ({ url, prefix, lock, log }) =>
          createBullIngestIntakes({ url, prefix, lock, events: events(log) }),
        connect,
      },
    )
  }
} catch (error) {
  process.stderr.write(faultLines(error))
  process.exit(exitCode(error))
}
