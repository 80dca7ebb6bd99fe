/**
 * The workers that the server has heard of lately. Whoever is silent for longer than the lease is taken for dead; what it claimed may be claimed again.
 *
 * Whoever lost the connection by which it was heard last, and has not made another one at once, is missed: perhaps it was killed. Nothing is taken from it
 * before its lease is over; but nobody waits any longer for it to make room.
 */
import type { Clock } from "../src/core/clock.ts"
import type { WorkerInfo } from "./exchange.ts"

/** ms after which a silent worker is forgotten */
const FORGET_AFTER = 15 * 60_000
/** ms that a worker has to come back by another connection */
const COME_BACK = 1_000

export interface SeenWorker extends WorkerInfo {
  /** UTC ms */
  seen: number
  alive: boolean
}

interface Seen {
  info: WorkerInfo
  seen: number
  link: AbortSignal | undefined
  /** UTC ms at which the link was lost, null while it is there */
  lost: number | null
}

export class Roster {
  readonly #clock: Clock
  readonly #lease: number
  readonly #workers = new Map<string, Seen>()

  /** @param lease ms after which a silent worker is taken for dead */
  constructor(clock: Clock, lease: number) {
    this.#clock = clock
    this.#lease = lease
  }

  /** @param link fires when the connection by which it was heard is gone */
  see(info: WorkerInfo, link?: AbortSignal): void {
    const before = this.#workers.get(info.id)
    const worker: Seen = before ?? { info, seen: 0, link: undefined, lost: null }
    this.#workers.set(info.id, Object.assign(worker, { info, seen: this.#clock.now(), lost: null }))
    if (!link || worker.link === link) return
    worker.link = link
    const lose = (): void => {
      if (worker.link === link) worker.lost = this.#clock.now()
    }
    link.addEventListener("abort", lose, { once: true })
    if (link.aborted) lose()
  }

  /** Whether it lives as far as anybody can tell. */
  isPresent(id: string): boolean {
    const lost = this.#workers.get(id)?.lost ?? null
    return this.isAlive(id) && (lost === null || this.#clock.now() - lost < COME_BACK)
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
