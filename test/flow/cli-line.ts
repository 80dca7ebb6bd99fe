/** Runs the command line in this process on a store of the test, or as a process of its own; what it says is kept. */
import { spawn } from "node:child_process"
import { Readable, Writable } from "node:stream"
import type { Access, CommandLine, DoctorOutcome } from "../../src/cli/command-line.ts"
import { buildProgram, runProgram } from "../../src/cli/program.ts"

export interface Said {
  code: number
  out: string
  err: string
}

class Kept extends Writable {
  readonly isTTY: boolean
  readonly columns = 100
  readonly chunks: Buffer[] = []

  readonly #told: (text: string) => void

  constructor(isTTY: boolean, told: (text: string) => void = () => {}) {
    super()
    this.#told = told
    this.isTTY = isTTY
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk)
    this.#told(this.text)
    done()
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }
}

export interface LineOptions {
  /** told what is on stdout whenever there is more */
  onOutput?(text: string): void
  /** told what is on stderr whenever there is more: questions are asked there */
  onQuestion?(text: string): void
  access: Access
  stdin?: Readable & { isTTY?: boolean }
  terminal?: boolean
  doctor?: DoctorOutcome
  signal?: AbortSignal
}

/** The words of a command line on a store that the test holds. */
export async function runLine(words: string[], options: LineOptions): Promise<Said> {
  const stdout = new Kept(options.terminal ?? false, options.onOutput)
  const stderr = new Kept(options.terminal ?? false, options.onQuestion)
  let code = 0
  const line: CommandLine = {
    stdin: options.stdin ?? Readable.from([]),
    stdout,
    stderr,
    signal: options.signal ?? new AbortController().signal,
    open: async () => options.access,
    doctor: async (_options, { onFinding }) => {
      const outcome = options.doctor ?? { clean: true, findings: [], repaired: 0, checked: {} }
      for (const finding of outcome.findings) onFinding(finding)
      return outcome
    },
    serve: async () => {},
    setExitCode: (next) => {
      code ||= next
    },
  }
  await runProgram(buildProgram(line, "0.0.0"), line, words)
  return { code, out: stdout.text, err: stderr.text }
}

/** `stored …` as a process of its own. */
export async function runProcess(
  words: string[],
  options: { env?: Record<string, string>; input?: string | Buffer; cwd?: string } = {},
): Promise<Said> {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname
  const { STORED_URL, STORED_TOKEN, STORED_DATA, STORED_CONFIG, STORED_PORT, STORED_HOST, STORED_LOG, ...env } =
    process.env
  const child = spawn(process.execPath, [main, ...words], { cwd: options.cwd, env: { ...env, ...options.env } })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
  // A command that needs no input may be gone before it is written.
  child.stdin.on("error", () => {})
  child.stdin.end(options.input ?? "")
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (status, signal) => resolve(status ?? (signal ? 128 : -1)))
  })
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }
}
