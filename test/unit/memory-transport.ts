/** The twin of the transport in memory: what BullMQ does on Redis, in one process, and on request what goes wrong there. */
import type { JobPointer } from "../../queues/exchange.ts"
import {
  type Delivery,
  type Intake,
  type IntakeOpener,
  NotUnderstood,
  type Parcel,
  type Take,
  type Transport,
} from "../../queues/transport.ts"
import { TransientAdapterError } from "../../src/core/error.ts"

interface Running {
  id: string
  pointer: unknown
  control: AbortController
}

interface OpenIntake {
  concurrency: number
  take: Take
  taking: boolean
  running: Set<Running>
}

interface MemoryQueue {
  waiting: { id: string; pointer: unknown }[]
  /** how often a job that waits again was not understood */
  misfits: Map<string, number>
  intakes: Set<OpenIntake>
}

/** As many as BullMQ's hand-backs. */
const MOST_MISFITS = 9

export class MemoryTransport implements Transport, IntakeOpener {
  readonly #queues = new Map<string, MemoryQueue>()
  readonly #listeners = new Set<() => void>()
  #isReady = true

  get isReady(): boolean {
    return this.#isReady
  }

  /** Queues that somebody takes from now. */
  get taken(): string[] {
    return [...this.#queues]
      .filter(([, { intakes }]) => [...intakes].some(({ taking }) => taking))
      .map(([name]) => name)
  }

  onReady(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Goes away, or comes back. */
  setReady(isReady: boolean): void {
    this.#isReady = isReady
    if (isReady) for (const listener of this.#listeners) listener()
  }

  /** Forgets everything. */
  wipe(): void {
    for (const queue of this.#queues.values()) queue.waiting = []
  }

  async send(queue: string, parcels: Parcel[]): Promise<void> {
    this.#requireReady()
    const open = this.#queue(queue)
    for (const { id, pointer } of parcels) if (!holds(open, id)) open.waiting.push({ id, pointer: wire(pointer) })
    this.#pump(open)
  }

  /** Puts in what no server would send. */
  inject(queue: string, id: string, pointer: unknown): void {
    const open = this.#queue(queue)
    open.waiting.push({ id, pointer })
    this.#pump(open)
  }

  async missing(queue: string, ids: string[]): Promise<string[]> {
    this.#requireReady()
    return ids.filter((id) => !holds(this.#queue(queue), id))
  }

  async prepare(): Promise<void> {
    this.#requireReady()
  }

  async forget(queue: string): Promise<void> {
    this.#requireReady()
    this.#queue(queue).waiting = []
  }

  /** Takes a job that runs back and gives it to somebody who has room. */
  loseLock(queue: string, id: string): void {
    const open = this.#queue(queue)
    for (const intake of open.intakes) {
      for (const running of intake.running) {
        if (running.id !== id) continue
        intake.running.delete(running)
        open.waiting.push({ id, pointer: running.pointer })
        running.control.abort(new Error("The lock is lost."))
      }
    }
    this.#pump(open)
  }

  open(queue: string, { concurrency, take }: { concurrency: number; take: Take }): Intake {
    const open = this.#queue(queue)
    const intake: OpenIntake = { concurrency, take, taking: true, running: new Set() }
    open.intakes.add(intake)
    this.#pump(open)
    const pause = (): void => {
      intake.taking = false
    }
    const close = async (): Promise<void> => {
      pause()
      open.intakes.delete(intake)
      for (const { id, pointer } of intake.running) open.waiting.push({ id, pointer })
      intake.running.clear()
      this.#pump(open)
    }
    return { pause, close }
  }

  async close(): Promise<void> {
    for (const { intakes } of this.#queues.values()) for (const intake of intakes) intake.taking = false
  }

  #queue(name: string): MemoryQueue {
    const queue = this.#queues.get(name) ?? {
      waiting: [],
      misfits: new Map(),
      intakes: new Set(),
    }
    this.#queues.set(name, queue)
    return queue
  }

  #pump(queue: MemoryQueue): void {
    for (const intake of queue.intakes) {
      while (intake.taking && intake.running.size < intake.concurrency) {
        const next = queue.waiting.shift()
        if (!next) return
        this.#give(queue, intake, next)
      }
    }
  }

  #give(queue: MemoryQueue, intake: OpenIntake, delivery: Delivery): void {
    const running: Running = { ...delivery, control: new AbortController() }
    intake.running.add(running)
    const over = (): void => {
      intake.running.delete(running)
      this.#pump(queue)
    }
    const putBack = (): void => {
      const times = (queue.misfits.get(delivery.id) ?? 0) + 1
      queue.misfits.set(delivery.id, times)
      if (times < MOST_MISFITS) queue.waiting.push(delivery)
      else queue.misfits.delete(delivery.id)
      // Whoever has just refused it is the last to be asked again.
      queue.intakes.delete(intake)
      queue.intakes.add(intake)
    }
    // What else a take throws is its own business; the job is over all the same.
    intake.take(delivery, running.control.signal).then(over, (error: unknown) => {
      if (error instanceof NotUnderstood && intake.running.has(running)) putBack()
      over()
    })
  }

  #requireReady(): void {
    if (!this.#isReady) throw new TransientAdapterError("The transport is away.")
  }
}

function holds({ waiting, intakes }: MemoryQueue, id: string): boolean {
  return [...waiting, ...[...intakes].flatMap(({ running }) => [...running])].some((job) => job.id === id)
}

function wire(pointer: JobPointer): unknown {
  return JSON.parse(JSON.stringify(pointer))
}
