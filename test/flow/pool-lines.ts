/** `npm run pool` as a process of its own, and what it says line by line; ended with the test together with everything that it has started. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { onTestFinished } from "vitest"

export interface PoolProcess {
  child: ChildProcess
  /** on stdout until now */
  lines: string[]
  err(): string
  /** Resolves with the first line from `start` on that matches; rejects where the pool ends without. */
  line(pattern: RegExp, start?: number): Promise<RegExpExecArray>
  ended: Promise<number | null>
}

const ENTRY = new URL("../../infra/pool.ts", import.meta.url).pathname

export function startPool(env: Record<string, string>, words: readonly string[] = []): PoolProcess {
  const { STORED_URL, STORED_CONFIG, STORED_LOG, STORED_WORKER_TOKEN, REDIS_URL, ...inherited } = process.env
  const child = spawn(process.execPath, [ENTRY, ...words], {
    env: { ...inherited, STORED_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const lines: string[] = []
  let err = ""
  let looks: (() => void)[] = []
  const look = (): void => {
    for (const again of looks) again()
  }
  createInterface({ input: child.stdout }).on("line", (text) => {
    lines.push(text)
    look()
  })
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString()
  })
  const ended = once(child, "close").then(([code]) => code as number | null)
  onTestFinished(async () => {
    // In order, so that nothing stays behind; what hangs is left to the limit of the test.
    child.kill("SIGTERM")
    await ended
  })
  const line = (pattern: RegExp, start = 0): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const again = (): void => {
        const found = lines
          .slice(start)
          .map((text) => pattern.exec(text))
          .find((match) => match !== null)
        if (!found) return
        looks = looks.filter((other) => other !== again)
        resolve(found)
      }
      looks.push(again)
      again()
      ended.then(
        (code) => reject(new Error(`${pattern} was not said; ended with ${code}: ${err}${lines.join("\n")}`)),
        reject,
      )
    })
  return { child, lines, err: () => err, line, ended }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
