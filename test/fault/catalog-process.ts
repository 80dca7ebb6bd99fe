/** Starts the catalog's test process, talks to it line by line, and lets strace meddle with its system calls. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { onTestFinished, type TestContext } from "vitest"
import { requireHost } from "../host-needs.ts"

const CHILD = new URL("./catalog-child.ts", import.meta.url).pathname

export interface CatalogProcess {
  pid: number
  /** Sends a command and waits for its answer. @throws where the process ends instead */
  ask<Answer>(command: string, argument?: string): Promise<Answer>
  /** Sends a command and hands every line that follows to `listener`. */
  stream(command: string, argument: string, listener: (line: Record<string, unknown>) => void): void
  kill(): Promise<void>
}

export function startCatalog(directory: string): CatalogProcess {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ["pipe", "pipe", "pipe"] })
  const exited = once(child, "exit")
  let noise = ""
  child.stderr.on("data", (chunk) => {
    noise += chunk
  })
  const lines = createInterface({ input: child.stdout })
  const send = (command: string, argument?: string): void => {
    child.stdin.write(`${JSON.stringify({ command, argument })}\n`)
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
    await exited
  }
  onTestFinished(kill)
  return {
    pid: child.pid!,
    async ask<Answer>(command: string, argument?: string) {
      const answer = once(lines, "line")
      send(command, argument)
      const ended = exited.then(() => Promise.reject(new Error(`The process ended: ${noise}`)))
      const [line] = await Promise.race([answer, ended])
      return JSON.parse(line as string) as Answer
    },
    stream(command, argument, listener) {
      lines.on("line", (line) => listener(JSON.parse(line) as Record<string, unknown>))
      send(command, argument)
    },
    kill,
  }
}

/** Attaches strace to a process, e.g. with `fdatasync:delay_enter=200000`, until the test ends. Resolves once it is attached. */
export async function inject(context: TestContext, pid: number, fault: string): Promise<void> {
  await requireHost(context, "strace")
  const [call] = fault.split(":")
  const strace = spawn("strace", ["-f", "-p", String(pid), "-e", `trace=${call}`, "-e", `inject=${fault}`], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  onTestFinished(() => detach(strace))
  await new Promise<void>((resolve, reject) => {
    let said = ""
    strace.stderr.on("data", (chunk) => {
      said += chunk
      if (said.includes("attached")) resolve()
    })
    strace.on("exit", () => reject(new Error(`strace could not attach: ${said}`)))
  })
}

async function detach(strace: ChildProcess): Promise<void> {
  if (strace.exitCode !== null || strace.signalCode !== null) return
  const exited = once(strace, "exit")
  strace.kill("SIGINT")
  await exited
}
