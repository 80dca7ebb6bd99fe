/** The workers that the server has heard of lately. Whoever is silent for longer than the lease is taken for dead; what it claimed may be claimed again. */
import type { Clock } from "../src/core/clock.ts"
import type { WorkerInfo } from "./exchange.ts"

/** ms after which a silent worker is forgotten */
const FORGET_AFTER = 15 * 60_000

export interface SeenWorker extends WorkerInfo {
  /** UTC ms */
  seen: number
  alive: boolean
}

export class Roster {
  readonly #clock: Clock
  readonly #lease: number
  readonly #workers = new Map<string, { info: WorkerInfo; seen: number }>()

  /** @param lease ms after which a silent worker is taken for dead */
  constructor(clock: Clock, lease: number) {
    this.#clock = clock
    this.#lease = lease
  }

  see(info: WorkerInfo): void {
    this.#workers.set(info.id, { info, seen: this.#clock.now() })
  }

  isAlive(id: string): boolean {
    const worker = this.#workers.get(id)
    return worker !== undefined && this.#clock.now() - worker.seen < this.#lease
  }

  /** In the order in which they started. */
  list(): SeenWorker[] {
    const now = this.#clock.now()
    for (const [id, { seen }] of this.#workers) if (now - seen > FORGET_AFTER) this.#workers.delete(id)
    return [...this.#workers.values()]
      .map(({ info, seen }) => ({ ...info, seen, alive: this.isAlive(info.id) }))
      .sort((a, b) => a.started - b.started)
  }
}
