/**
 * One fsync for many: whoever asks while one is running shares the next, because the running one may have begun before that caller's change.
 * So a directory into which 30 files are put at once is synced twice, not 30 times, and each caller's change is still covered.
 */
export class SharedSync {
  readonly #run: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(run: () => Promise<void>) {
    this.#run = run
  }

  /** Resolves once a run that began after this call has succeeded; rejects if that run failed. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start()
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      // The running one's failure is told to its own callers; this run has to be tried all the same.
      () => this.#startNext(),
    )
    return this.#next
  }

  #startNext(): Promise<void> {
    this.#next = null
    return this.#start()
  }

  #start(): Promise<void> {
    const run = this.#run().finally(() => {
      if (this.#running === run) this.#running = null
    })
    this.#running = run
    return run
  }
}
