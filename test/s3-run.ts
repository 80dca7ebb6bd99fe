/** Around a whole run: a directory in which the first test that needs an S3 server starts one, and the end of that server after the last. */
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

/** The variable with the run's directory; absent where somebody else starts the tests. */
export const RUN_DIRECTORY = "STORED_TEST_S3_RUN"
/** The variable with the process whose end ends the server. */
export const RUN_PROCESS = "STORED_TEST_S3_PROCESS"

export default async function setup(): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "stored-s3-"))
  process.env[RUN_DIRECTORY] = directory
  process.env[RUN_PROCESS] = String(process.pid)
  return async () => {
    const pid = Number(await readFile(join(directory, "pid"), "utf8").catch(() => "0"))
    if (pid > 0) await end(pid)
    await rm(directory, { recursive: true, force: true })
  }
}

/** The script ends what it started before it ends itself. */
async function end(pid: number): Promise<void> {
  const isRunning = (): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      // No such process: it has ended.
      return false
    }
  }
  if (isRunning()) process.kill(pid, "SIGTERM")
  const deadline = Date.now() + 10_000
  while (isRunning() && Date.now() < deadline) await sleep(50)
}
