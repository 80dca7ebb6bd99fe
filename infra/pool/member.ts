/**
 * One process of the pool: a line of the Procfile in a process group of its own, so that Ctrl-C in a terminal reaches the pool alone, which ends its
 * members in order. It is started again after a growing pause where its rule says so. Whatever its line has started ends with it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"

export interface MemberEnd {
  code: number | null
  signal: NodeJS.Signals | null
  /** it was asked to end */
  asked: boolean
}

export interface MemberOptions {
  name: string
  command: string
  directory: string
  /** asked at every start */
  environment(): NodeJS.ProcessEnv
  /** Whether it is started again after an end that nobody asked for. */
  restarts(end: MemberEnd): boolean
  /** told every line that it says, and what becomes of it */
  line(text: string): void
  note(text: string): void
  /** ms before it is started again, doubled up to `longest` for as long as it does not run for `calm` */
  pause?: { first: number; longest: number; calm: number }
}

const PAUSE = { first: 1_000, longest: 30_000, calm: 60_000 }

export class Member {
  readonly name: string
  readonly #options: MemberOptions
  readonly #over = Promise.withResolvers<MemberEnd>()
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | null = null
  #asked = false
  #failures = 0
  #startedAt = 0

  constructor(options: MemberOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Resolves once it has ended for good. */
  get over(): Promise<MemberEnd> {
    return this.#over.promise
  }

  start(): void {
    const { command, directory, environment, line, note } = this.#options
    this.#timer = null
    this.#startedAt = performance.now()
    const child = spawn("/bin/sh", ["-c", command], {
      cwd: directory,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", line)
    child.on("error", (error) => this.#over.reject(error))
    child.on("spawn", () => note(`started as process ${child.pid}`))
    child.on("exit", (code, signal) => {
      this.kill()
      // The lines that it said last come before the word of its end.
      child.on("close", () => this.#ended({ code, signal, asked: this.#asked }))
    })
  }

  /** Asks it to end and waits for that; after `deadline` ms it is killed. True where it ended by itself. May be called twice. */
  async stop(deadline: number): Promise<boolean> {
    this.#asked = true
    if (this.#timer) clearTimeout(this.#timer)
    if (!this.#child) this.#over.resolve({ code: 0, signal: null, asked: true })
    this.#child?.kill("SIGTERM")
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#options.note(`did not end within ${deadline} ms and is killed`)
      this.kill()
    }, deadline)
    await this.over
    clearTimeout(timer)
    return !late
  }

  /** SIGKILL to everything that its line has started. */
  kill(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, "SIGKILL")
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
    }
  }

  #ended(end: MemberEnd): void {
    const { note, restarts, pause = PAUSE } = this.#options
    this.#child = null
    const how = end.signal ? `was ended by ${end.signal}` : `ended with ${end.code}`
    if (end.asked || !restarts(end)) {
      note(how)
      this.#over.resolve(end)
      return
    }
    if (performance.now() - this.#startedAt >= pause.calm) this.#failures = 0
    const wait = Math.min(pause.first * 2 ** Math.min(this.#failures, 20), pause.longest)
    this.#failures += 1
    note(`${how}; it is started again in ${wait} ms`)
    this.#timer = setTimeout(() => this.start(), wait)
  }
}
