/**
 * Threads for work that would hold up the event loop: hashing and staging of whole local files.
 *
 * - No thread starts before the first task; one stays, the others end after 30 s without work. At most one a core.
 * - Tasks carry paths, never bytes. Errors come back as the `StoredError`s they were.
 * - An abort rejects with ABORTED at once and ends the thread that did the work; what it had open is closed by that.
 * - A thread that dies takes the whole set of threads with it: what ran or waited is INTERNAL and worth another try, and the
 *   next task begins with a fresh set. (After one that cannot start, piscina would start no more, and tasks would wait for ever.)
 * - `close` waits for what runs. A task after it is CLOSED.
 */
import { availableParallelism } from "node:os"
import { Piscina } from "piscina"
import type { ChecksumAlgorithm } from "../core/checksum.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import type { HashedFile, HashFileTask } from "./hash-file.ts"
import { resultOf, type ThreadAnswer } from "./thread-answer.ts"

export interface ChecksumPoolOptions {
  /** the module whose exported functions the threads run, made with `answering`; `.ts` unbuilt or `.js` built */
  thread: URL
  /** absent: one a core */
  maxThreads?: number
}

export interface TaskOptions {
  signal?: AbortSignal
}

const IDLE_MS = 30_000

/** One set of threads, and why it was given up. */
interface Crew {
  piscina: Piscina
  fault: unknown
}

export class ChecksumPool {
  readonly #options: ChecksumPoolOptions
  #crew: Crew | null = null
  readonly #retired = new Set<Promise<void>>()
  #closed: Promise<void> | null = null

  constructor(options: ChecksumPoolOptions) {
    this.#options = options
  }

  /** How many threads live now. */
  get threads(): number {
    return this.#crew?.piscina.threads.length ?? 0
  }

  /**
   * Checksums of a local file, or of its bytes from `start` to `end` (exclusive), in one pass.
   * @throws StoredError NOT_FOUND, PERMISSION_DENIED, INVALID_INPUT, SOURCE_FAILED, ABORTED, CLOSED
   */
  hashFile(
    path: string,
    algorithms: ChecksumAlgorithm[],
    options: TaskOptions & Pick<HashFileTask, "start" | "end"> = {},
  ): Promise<HashedFile> {
    const { start, end } = options
    const task: HashFileTask = {
      path,
      algorithms,
      ...(start !== undefined && { start }),
      ...(end !== undefined && { end }),
    }
    return this.run<HashFileTask, HashedFile>("hashFile", task, options)
  }

  /**
   * Runs another exported function of the thread file, such as `stageFile`.
   * @param task must survive a structured clone
   * @throws StoredError the function's own; ABORTED, CLOSED; INTERNAL (retryable) where the thread itself died
   */
  async run<Task, Result>(name: string, task: Task, options: TaskOptions = {}): Promise<Result> {
    const { signal } = options
    throwIfAborted(signal)
    if (this.#closed) throw new StoredError("CLOSED", "The store is closed.")
    return resultOf(await this.#answer<Task, Result>(name, task, signal))
  }

  async #answer<Task, Result>(
    name: string,
    task: Task,
    signal: AbortSignal | undefined,
  ): Promise<ThreadAnswer<Result>> {
    const crew = this.#crewAtWork()
    try {
      const answer: unknown = await crew.piscina.run(task, { name, ...(signal && { signal }) })
      return answer as ThreadAnswer<Result>
    } catch (error) {
      throwIfAborted(signal)
      if (this.#closed) throw new StoredError("CLOSED", "The store was closed before this was done.", { cause: error })
      // Our functions answer and do not throw: it was the thread itself.
      this.#retire(crew, error)
      const cause = crew.fault
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new StoredError("INTERNAL", `A worker thread failed: ${message}`, { retryable: true, cause })
    }
  }

  /** Waits for what runs and ends the threads. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#crew?.piscina.close(), ...this.#retired]).then(() => {})
    return this.#closed
  }

  #crewAtWork(): Crew {
    if (this.#crew) return this.#crew
    const piscina = new Piscina({
      filename: this.#options.thread.href,
      minThreads: 1,
      maxThreads: this.#options.maxThreads ?? availableParallelism(),
      idleTimeout: IDLE_MS,
      recordTiming: false,
    })
    const crew: Crew = { piscina, fault: null }
    // Faults that met a task reject it; this tells of the others.
    piscina.on("error", (fault) => this.#retire(crew, fault))
    this.#crew = crew
    return crew
  }

  #retire(crew: Crew, fault: unknown): void {
    if (crew.fault) return
    crew.fault = fault
    if (this.#crew === crew) this.#crew = null
    const gone = crew.piscina.destroy().finally(() => this.#retired.delete(gone))
    this.#retired.add(gone)
  }
}
