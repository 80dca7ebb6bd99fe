/** The server of a fuzz run as a child process, asked from inside how it is. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { FuzzLook } from "./fuzz-child.ts"

const CHILD = fileURLToPath(new URL("./fuzz-child.ts", import.meta.url))
const DEADLINE = 60_000
const KEPT_OUTPUT = 20_000

export interface FuzzServer {
  port: number
  /** what it wrote last */
  said(): string
  isAlive(): boolean
  look(): Promise<FuzzLook>
  /** open descriptors */
  descriptors(): number
  /** MiB of its own */
  memory(): number
  /** SIGTERM; the exit code, null where it had to be killed */
  end(): Promise<number | null>
}

export async function startFuzzServer(environment: Record<string, string>): Promise<FuzzServer> {
  const env = { ...process.env, STORED_HOST: "127.0.0.1", STORED_PORT: "0", STORED_LOG: "error", ...environment }
  const child = fork(CHILD, { execArgv: ["--expose-gc"], env, stdio: ["ignore", "pipe", "pipe", "ipc"] })
  let output = ""
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not start:\n${output}`)), DEADLINE)
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT)
      const found = /listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(output)
      if (!found) return
      clearTimeout(timer)
      resolve(Number(found[1]))
    }
    child.stdout?.on("data", hear)
    child.stderr?.on("data", hear)
  }).catch((error: unknown) => {
    child.kill("SIGKILL")
    throw error
  })
  return {
    port,
    said: () => output,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    look: async () => {
      child.send("look")
      const [look] = await once(child, "message", { signal: AbortSignal.timeout(DEADLINE) })
      return look as FuzzLook
    },
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    memory: () => Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024,
    end: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const gone = once(child, "exit")
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE)
  child.kill("SIGTERM")
  await gone
  clearTimeout(timer)
  return child.exitCode
}
