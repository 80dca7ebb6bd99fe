/**
 * Gathers the commits that are called at the same time into one transaction, so that they share one flush: while one batch is on its way to
 * the disk, the next one gathers. Commits are decided in the order in which they were called; each answer is given once its batch is
 * durable, refusals too, because they may rest on what another commit of the batch wrote.
 *
 * A full disk: commits that free something are tried again with the reserve; the others are refused until the reserve can be held again. A
 * batch whose end is unknown (EIO) ends the queue: every later commit is refused with the same error.
 */
import { type ErrorCode, StoredError, toStoredError } from "../core/error.ts"
import type { Engine } from "./rows/engine.ts"
import type { Rows } from "./rows/rows.ts"
import { Transaction } from "./rows/transaction.ts"

/** Bounds the size of one transaction, and with it how long the first of a batch waits for the last. */
const LARGEST_BATCH = 1024
/** After these nobody knows what is stored, or somebody else owns it. */
const ENDS: ReadonlySet<ErrorCode> = new Set(["COMMIT_UNKNOWN", "DATA_DIRECTORY_IN_USE"])

export interface CommitOptions {
  /** true where the commit leads to free space, so that it may use the reserve */
  frees: boolean
}

interface Entry {
  frees: boolean
  retried: boolean
  /** Decides and writes; returns how to answer once that is durable. */
  decide(rows: Transaction): () => void
  reject(error: unknown): void
}

export class CommitQueue {
  readonly #engine: Engine
  #waiting: Entry[] = []
  #running: Promise<void> | null = null
  #ended: StoredError | null = null

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Runs a transition, all or nothing. Resolves with what it returns when that is durable, rejects with what it throws. */
  commit<Result>(transition: (rows: Rows) => Result, options: CommitOptions): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      const decide = (rows: Transaction): (() => void) => {
        try {
          const result = transition(rows)
          rows.keep()
          return () => resolve(result)
        } catch (error) {
          rows.undo()
          return () => reject(error)
        }
      }
      this.#waiting.push({ frees: options.frees, retried: false, decide, reject })
      this.#running ??= this.#run()
    })
  }

  /** Takes no more commits and waits for those that were taken. */
  async end(error: StoredError): Promise<void> {
    this.#ended ??= error
    await this.#running
  }

  async #run(): Promise<void> {
    // One turn of microtasks, so that calls made side by side share even the first batch.
    await null
    while (this.#waiting.length > 0) await this.#writeBatch()
    this.#running = null
  }

  async #writeBatch(): Promise<void> {
    let batch: Entry[] = []
    let answers: (() => void)[] = []
    try {
      await this.#admit()
      if (this.#waiting.length === 0) return
      await this.#engine.write(() => {
        batch = this.#waiting.splice(0, LARGEST_BATCH)
        const rows = new Transaction(this.#engine)
        answers = batch.map((entry) => entry.decide(rows))
        return rows.writes()
      })
    } catch (error) {
      // Nothing was taken where the transaction could not even begin.
      if (batch.length === 0) batch = this.#waiting.splice(0)
      return this.#failed(batch, toStoredError(error))
    }
    for (const answer of answers) answer()
  }

  /** With the reserve gone and the disk still full, refuses what would only make it fuller. */
  async #admit(): Promise<void> {
    const { reserve } = this.#engine
    if (!reserve || reserve.held || (await reserve.restore())) return
    const refused = this.#waiting.filter((entry) => !entry.frees)
    this.#waiting = this.#waiting.filter((entry) => entry.frees)
    for (const entry of refused) entry.reject(diskFull())
  }

  async #failed(batch: Entry[], error: StoredError): Promise<void> {
    if (ENDS.has(error.code)) {
      this.#ended ??= error
      batch.push(...this.#waiting.splice(0))
    }
    const again = error.code === "DISK_FULL" ? batch.filter((entry) => entry.frees && !entry.retried) : []
    for (const entry of batch) if (!again.includes(entry)) entry.reject(error)
    if (again.length > 0) await this.#tryAgain(again, error)
  }

  async #tryAgain(entries: Entry[], error: StoredError): Promise<void> {
    try {
      if (!(await this.#engine.reserve?.release())) throw error
      for (const entry of entries) entry.retried = true
      this.#waiting.unshift(...entries)
    } catch (fault) {
      for (const entry of entries) entry.reject(fault)
    }
  }
}

/** @param cause what the disk or LMDB said */
export function diskFull(cause?: unknown): StoredError {
  return new StoredError(
    "DISK_FULL",
    "The disk of the data directory is full; nothing was changed. Free some space, or delete or evict something.",
    { retryable: true, cause },
  )
}
