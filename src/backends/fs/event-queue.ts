/**
 * Whether the kernel may have thrown hints of changes away. Its queue holds so many (`fs.inotify.max_queued_events`), and what comes while it is full is lost; of that
 * it tells in an event that Node keeps to itself. But whoever takes out at once as many as fit in must reckon with more that did not: so they are counted, from one
 * turn of the event loop to the next, as each turn empties the queue. A process has one queue for all of its watches, so one count, and all are told.
 */
import { readFileSync } from "node:fs"
import { errorCode } from "./calls.ts"

const LIMIT = "/proc/sys/fs/inotify/max_queued_events"
const USUAL_LIMIT = 16_384
/** Those of watches that have ended are thrown away uncounted, so that a queue that was full may look half full. */
const SHARE = 0.5

export class EventQueue {
  /** events taken out in one turn with which some may have been lost */
  readonly bound: number
  readonly #listeners = new Set<() => void>()
  #taken = 0

  /** @param limit events that the queue holds */
  constructor(limit: number) {
    this.bound = Math.max(1, Math.floor(limit * SHARE))
  }

  /** One event was taken out. */
  take(): void {
    if (this.#taken === 0) setImmediate(() => this.#turn())
    this.#taken += 1
  }

  /** @param listener told in each turn in which some may have been lost. @returns what ends that */
  onFull(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #turn(): void {
    const isFull = this.#taken >= this.bound
    this.#taken = 0
    if (isFull) for (const listener of [...this.#listeners]) listener()
  }
}

/** Of this process. */
let shared: EventQueue | null = null

export function eventQueue(): EventQueue {
  shared ??= new EventQueue(readLimit())
  return shared
}

/** Systems without inotify have no such limit that could be read. */
function readLimit(): number {
  try {
    return Number(readFileSync(LIMIT, "utf8")) || USUAL_LIMIT
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "EACCES") return USUAL_LIMIT
    throw error
  }
}
