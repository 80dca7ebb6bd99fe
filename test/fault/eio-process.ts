/** Starts the process of `eio-child.ts`, talks to it, and lets strace answer its reads of one file with EIO, as a disk with bad blocks does. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { onTestFinished, type TestContext } from "vitest"
import { requireHost } from "../host-needs.ts"

const CHILD = new URL("./eio-child.ts", import.meta.url).pathname
const READS = "read,pread64,readv,preadv,preadv2,copy_file_range,sendfile"

export interface EioProcess {
  pid: number
  /** Sends a command and waits for its answer. @throws where the process ends instead */
  ask<Answer>(command: string, more?: object): Promise<Answer>
  /** Resolves with the id of the next staged bytes that are put aside. */
  corrupt(): Promise<string>
}

export async function startEio(directory: string): Promise<EioProcess> {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ["pipe", "pipe", "pipe"] })
  const exited = once(child, "exit")
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
    await exited
  })
  let noise = ""
  child.stderr.on("data", (chunk) => {
    noise += chunk
  })
  const ended = exited.then(() => Promise.reject(new Error(`The process ended: ${noise}`)))
  ended.catch(() => {})
  const waiting: { name: string; resolve(value: unknown): void }[] = []
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [[name, value] = []] = Object.entries(JSON.parse(line) as object)
    const index = waiting.findIndex((each) => each.name === name)
    if (index >= 0) waiting.splice(index, 1)[0]!.resolve(value)
  })
  const next = <Value>(name: string): Promise<Value> => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    waiting.push({ name, resolve })
    return Promise.race([promise as Promise<Value>, ended])
  }
  await next("ready")
  return {
    pid: child.pid!,
    ask: (command, more = {}) => {
      const answer = next<never>("answer")
      child.stdin.write(`${JSON.stringify({ command, key: "k", ...more })}\n`)
      return answer
    },
    corrupt: () => next("corrupt"),
  }
}

/**
 * From now on reads of the file by the process fail with EIO. Returns what mends the disk.
 * @param when which reads of each thread, as strace counts them; absent: all
 */
export async function breakFile(
  context: TestContext,
  { pid }: EioProcess,
  path: string,
  when = "1+",
): Promise<() => Promise<void>> {
  await requireHost(context, "strace")
  const inject = `inject=${READS}:error=EIO:when=${when}`
  const args = ["-f", "-p", String(pid), "-P", path, "-e", `trace=${READS}`, "-e", inject]
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] })
  const mend = (): Promise<void> => detach(strace)
  onTestFinished(mend)
  await new Promise<void>((resolve, reject) => {
    let said = ""
    strace.stderr.on("data", (chunk) => {
      said += chunk
      if (said.includes("attached")) resolve()
    })
    strace.on("exit", () => reject(new Error(`strace could not attach: ${said}`)))
  })
  return mend
}

async function detach(strace: ChildProcess): Promise<void> {
  if (strace.exitCode !== null || strace.signalCode !== null) return
  const exited = once(strace, "exit")
  strace.kill("SIGINT")
  await exited
}
