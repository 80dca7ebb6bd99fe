/** The real server as a child process, started on a data directory, reached over HTTP, and killed without a word. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { Agent, type IncomingHttpHeaders, request } from "node:http"
import { fileURLToPath } from "node:url"

const ENTRY = fileURLToPath(new URL("../../src/server.ts", import.meta.url))
const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const START_DEADLINE = 30_000
const KEPT_OUTPUT = 8_000

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

export class ServerProcess {
  /** true from the moment at which a broken connection is our own doing */
  dying = false
  readonly #child: ChildProcess
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  readonly #exit: Promise<unknown>
  #output = ""
  #address = ""

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exit = once(child, "exit")
  }

  /** Starts it; `ready` waits. @param environment `STORED_DATA`, `STORED_CONFIG` … */
  static start(environment: Record<string, string>): ServerProcess {
    const child = spawn(process.execPath, [ENTRY], {
      cwd: ROOT,
      env: { ...process.env, STORED_HOST: "127.0.0.1", STORED_PORT: "0", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    })
    return new ServerProcess(child)
  }

  /** Resolves once puts are taken. @throws Error with the server's output where it ends or says nothing in time */
  async ready(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new Error(`the server did not start:\n${this.#output}`))
      const timer = setTimeout(fail, START_DEADLINE)
      const hear = (chunk: Buffer): void => {
        this.#output = (this.#output + chunk.toString()).slice(-KEPT_OUTPUT)
        const address = /http:\/\/127\.0\.0\.1:\d+/.exec(this.#output)?.[0]
        if (!address || this.#address) return
        this.#address = address
        clearTimeout(timer)
        resolve()
      }
      this.#child.stdout?.on("data", hear)
      this.#child.stderr?.on("data", hear)
      this.#exit.then(() => {
        clearTimeout(timer)
        fail()
      })
    })
    const answer = await this.send("GET", "/ready")
    if (answer.status !== 200) throw new Error(`/ready answered ${answer.status}: ${answer.body.toString()}`)
  }

  /** One exchange. Rejects where the connection breaks before the whole answer has come. */
  send(method: string, path: string, body?: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = body ? { "content-type": "application/octet-stream", "content-length": body.byteLength } : {}
      const call = request(`${this.#address}${path}`, { method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () => {
          if (!response.complete) return reject(new Error("the answer was cut off"))
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
        })
        response.on("error", reject)
        response.on("close", () => reject(new Error("the connection was cut off")))
      })
      call.on("error", reject)
      call.end(body)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get output(): string {
    return this.#output
  }

  /** kill -9, and waits until it is gone. May be called twice. */
  async kill(): Promise<void> {
    this.dying = true
    this.#child.kill("SIGKILL")
    await this.#exit
    this.#agent.destroy()
  }

  /** SIGTERM, and waits. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.dying = true
    this.#child.kill("SIGTERM")
    await this.#exit
    this.#agent.destroy()
    return this.#child.exitCode
  }
}

/** The path of an object in the HTTP API. */
export function objectPath(key: string): string {
  return `/v1/objects/${key.split("/").map(encodeURIComponent).join("/")}`
}
