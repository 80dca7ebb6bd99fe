/** The service as a process of its own, on a free port and in a directory of the test; ended with the test. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { onTestFinished } from "vitest"

export interface ServerProcess {
  child: ChildProcess
  url: string
  /** what it said on stdout until it listened */
  welcome: string
  /** what it said on stderr until now */
  said(): string
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }>
}

const SERVER = new URL("../../src/server.ts", import.meta.url).pathname

/**
 * Starts `node src/server.ts`, or other words, and waits until it says where it listens. Rejects with its stderr where it ends before.
 * @param whenOver takes what ends it; the end of the test unless said
 */
export async function startProcess(
  env: Record<string, string>,
  words: readonly string[] = [SERVER],
  whenOver: (end: () => Promise<void>) => void = onTestFinished,
): Promise<ServerProcess> {
  const { STORED_URL, STORED_CONFIG, STORED_LOG, ...inherited } = process.env
  const child = spawn(process.execPath, words, { env: { ...inherited, STORED_PORT: "0", ...env } })
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>
  whenOver(async () => {
    child.kill("SIGKILL")
    await ended
  })
  let err = ""
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString()
  })
  const welcome = await new Promise<string>((resolve, reject) => {
    let out = ""
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString()
      if (/\n {2}try .*\n/.test(out)) resolve(out)
    })
    ended.then(([code]) => reject(new Error(`the server ended with ${code}: ${err}`)), reject)
  })
  const url = /listens on (\S+)/.exec(welcome)?.[1] ?? ""
  const end = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal)
    const [code, by] = await ended
    return { code, signal: by, err }
  }
  return { child, url, welcome, said: () => err, end }
}
