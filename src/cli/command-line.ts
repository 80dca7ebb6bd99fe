/**
 * What every command is given: its streams, the options that all share, and how to reach a store. Handed in by `main.ts`, so that
 * commands know neither the composition nor HTTP.
 */
import type { Readable, Writable } from "node:stream"
import type { BackendFace, ScanFace, StoreFace, ValidateFace } from "../store/store.ts"

/** The verbs that commands use, of a store in this process or of a server. */
export interface Access
  extends Pick<
      StoreFace,
      | "put"
      | "open"
      | "delete"
      | "deleteMany"
      | "copy"
      | "copyMany"
      | "move"
      | "moveMany"
      | "archive"
      | "signedUrl"
      | "revokeSignedUrls"
      | "list"
      | "stat"
      | "status"
      | "listBackends"
      | "getBackend"
      | "failed"
      | "retry"
      | "journal"
      | "events"
      | "why"
      | "tokens"
    >,
    BackendFace,
    ScanFace,
    ValidateFace {
  /** Waits until the jobs that are due now are done. Absent where somebody else does them, and scans, and goes on after the command. */
  idle?: StoreFace["idle"] | undefined
  close?: StoreFace["close"]
}

export interface GlobalOptions {
  data?: string
  config?: string
  json?: boolean
}

export interface ServeOptions extends GlobalOptions {
  insecureRedis?: boolean
}

export interface DoctorFinding {
  invariant: string
  severity: "fault" | "unchecked" | "note"
  subject: string
  message: string
  repair: string | null
}

export interface DoctorOutcome {
  clean: boolean
  findings: DoctorFinding[]
  repaired: number
  checked: Record<string, number>
}

export interface Terminal {
  stdin: Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  stdout: Writable & { isTTY?: boolean }
  stderr: Writable & { isTTY?: boolean; columns?: number }
}

export interface CommandLine extends Terminal {
  /** fires on Ctrl-C */
  signal: AbortSignal
  /** A store in this process, or the server at `STORED_URL`. */
  open(options: GlobalOptions): Promise<Access>
  doctor(
    options: GlobalOptions,
    how: { repair: boolean; signal: AbortSignal; onFinding(finding: DoctorFinding): void },
  ): Promise<DoctorOutcome>
  serve(options: ServeOptions): Promise<void>
  /** What the process ends with, unless a later fault says otherwise. */
  setExitCode(code: number): void
}

/** Opens, works, closes; always closes. */
export async function withAccess<Result>(
  line: CommandLine,
  options: GlobalOptions,
  work: (access: Access) => Promise<Result>,
): Promise<Result> {
  const access = await line.open(options)
  try {
    return await work(access)
  } finally {
    await access.close?.()
  }
}

/** One record on stdout: a JSON line with `--json`, else the text. */
export function print(line: CommandLine, options: GlobalOptions, record: unknown, text: () => string): void {
  line.stdout.write(options.json ? `${JSON.stringify(record)}\n` : `${text()}\n`)
}
