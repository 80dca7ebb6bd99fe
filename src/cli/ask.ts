/** Questions to a person at a terminal. What is typed shows up only while a question that is no secret waits for it, and is remembered by nobody. */
import { createInterface, type Interface } from "node:readline"
import { Writable } from "node:stream"
import { abortError, StoredError } from "../core/error.ts"
import type { CommandLine } from "./command-line.ts"

export interface Questioner {
  /** @throws StoredError ABORTED (Ctrl-C), INVALID_INPUT (the input ends) */
  ask(question: string, how?: { secret?: boolean }): Promise<string>
  close(): void
}

/** Null where nobody sits there. Questions go to stderr: stdout is for what a command gives. */
export function createQuestioner({ stdin, stderr, signal }: CommandLine): Questioner | null {
  if (!stdin.isTTY || !stderr.isTTY) return null
  const screen = new Screen(stderr)
  const lines = createInterface({ input: stdin, output: screen, terminal: true, historySize: 0 })
  const typed: string[] = []
  let isOver = false
  let wake: (() => void) | null = null
  const end = (): void => {
    isOver = true
    wake?.()
  }
  lines.on("line", (line) => {
    // What comes before the next question may be its secret.
    screen.isOpen = false
    typed.push(line)
    wake?.()
  })
  lines.on("SIGINT", () => end())
  lines.on("close", end)
  signal.addEventListener("abort", end, { once: true })
  return {
    ask: (question, { secret = false } = {}) =>
      answer(lines, screen, question, secret, typed, {
        isOver: () => isOver,
        signal,
        waiting: (resume) => {
          wake = resume
        },
      }),
    close: () => {
      signal.removeEventListener("abort", end)
      lines.close()
    },
  }
}

interface Wait {
  isOver(): boolean
  signal: AbortSignal
  waiting(resume: () => void): void
}

async function answer(
  lines: Interface,
  screen: Screen,
  question: string,
  secret: boolean,
  typed: string[],
  { isOver, signal, waiting }: Wait,
): Promise<string> {
  screen.isOpen = true
  if (isOver()) screen.write(question)
  else {
    lines.setPrompt(question)
    lines.prompt()
  }
  screen.isOpen = !secret
  while (typed.length === 0 && !isOver()) await new Promise<void>(waiting)
  const line = typed.shift()
  // The line break that was typed was not shown.
  if (secret) screen.target.write("\n")
  if (line !== undefined) return line
  if (signal.aborted) throw abortError(signal)
  throw new StoredError("ABORTED", "The question was left without an answer; nothing was done.")
}

class Screen extends Writable {
  isOpen = false
  readonly target: Writable

  constructor(target: Writable) {
    super()
    this.target = target
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.isOpen) this.target.write(chunk)
    done()
  }
}
