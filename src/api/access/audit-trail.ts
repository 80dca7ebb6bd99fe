/**
 * Decisions about access as lines of JSON, in a file or on stdout (`STORED_AUDIT`): one for each, chained by hash (`core/hash-chain.ts`), so that `stored doctor --audit` finds what was changed
 * since. Written at once and not fsynced: after a power cut the last ones may be missing, and half a line is cut off at the next start.
 *
 * A file that was moved away is left for a new one by `reopen`, at SIGHUP; the chain goes on in it. A record that could not be written is told as an error, and the next one says how many are missed.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs"
import { StoredError } from "../../core/error.ts"
import { CHAIN_START, type ChainHead, headOf, linkLine } from "../../core/hash-chain.ts"
import type { AuditEvent } from "./audit.ts"

/** A record is shorter than this by far. */
const TAIL = 64 * 1024
const LINE_FEED = 0x0a
const BEGINNING = '{"sequence":'

export class AuditTrail {
  readonly #path: string | null
  #file: { descriptor: number; size: number } | null = null
  #head: ChainHead = CHAIN_START
  #missed = 0

  private constructor(path: string | null) {
    this.#path = path
  }

  /** @param to path of a file, which is made with mode 0600 where it is not there, or `stdout`. @throws StoredError INVALID_CONFIG */
  static open(to: string): AuditTrail {
    const trail = new AuditTrail(to === "stdout" ? null : to)
    if (to !== "stdout") trail.#head = trail.#openFile() ?? CHAIN_START
    return trail
  }

  /** What the next record is linked to: worth to be kept elsewhere. */
  get head(): ChainHead {
    return this.#head
  }

  /** @throws Error where it cannot be written */
  write(event: AuditEvent): void {
    const missed = this.#missed
    const { line, head } = linkLine(this.#head, { ...event, ...(missed > 0 && { missed }) })
    try {
      this.#append(Buffer.from(`${line}\n`))
    } catch (error) {
      this.#missed += 1
      throw error
    }
    this.#head = head
    this.#missed = 0
  }

  /** Goes on in the file that has the path now; where there is one with records already, behind these. Nothing on stdout. @throws StoredError INVALID_CONFIG */
  reopen(): void {
    if (this.#path === null) return
    const before = this.#file
    this.#head = this.#openFile() ?? this.#head
    if (before) closeSync(before.descriptor)
  }

  close(): void {
    if (this.#file) closeSync(this.#file.descriptor)
    this.#file = null
  }

  /** Where its chain stands, null where it is empty. */
  #openFile(): ChainHead | null {
    const path = this.#path!
    let descriptor: number
    try {
      descriptor = openSync(path, "a+", 0o600)
    } catch (cause) {
      throw unusable(path, `it cannot be opened (${(cause as NodeJS.ErrnoException).code})`, cause)
    }
    try {
      const { head, size } = endOf(descriptor, path)
      this.#file = { descriptor, size }
      return head
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  }

  #append(bytes: Buffer): void {
    if (this.#path === null) {
      process.stdout.write(bytes)
      return
    }
    const file = this.#file
    if (!file) throw new StoredError("CLOSED", "The audit trail is closed.")
    try {
      writeWhole(file.descriptor, bytes)
    } catch (error) {
      // Half a line would spoil the next one. Where even that fails, the doctor tells.
      ftruncateSync(file.descriptor, file.size)
      throw error
    }
    file.size += bytes.length
  }
}

function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
}

/** The last whole record of a file, behind which half a one is cut off. @throws StoredError INVALID_CONFIG where it is no file, or of something else */
function endOf(descriptor: number, path: string): { head: ChainHead | null; size: number } {
  const state = fstatSync(descriptor)
  if (!state.isFile()) throw unusable(path, "it is no file")
  const from = Math.max(0, state.size - TAIL)
  const tail = Buffer.alloc(state.size - from)
  const read = readSync(descriptor, tail, 0, tail.length, from)
  const end = tail.subarray(0, read).lastIndexOf(LINE_FEED)
  const begin = end < 1 ? 0 : tail.lastIndexOf(LINE_FEED, end - 1) + 1
  const head = end < 0 ? null : headOf(tail.toString("utf8", begin, end))
  const isOurs = end < 0 ? from === 0 && isBegun(tail.toString("latin1")) : head !== null
  if (!isOurs) throw unusable(path, "it ends in no record of an audit; name another file, or move this one away")
  const size = from + end + 1
  if (size < state.size) ftruncateSync(descriptor, size)
  return { head, size }
}

/** Nothing, or the beginning of a first record. */
function isBegun(text: string): boolean {
  return BEGINNING.startsWith(text.slice(0, BEGINNING.length))
}

function unusable(path: string, fault: string, cause?: unknown): StoredError {
  const message = `STORED_AUDIT is ${path}: ${fault}.`
  return new StoredError("INVALID_CONFIG", message, {
    cause,
    details: { issues: [{ path: "STORED_AUDIT", message: fault }] },
  })
}
