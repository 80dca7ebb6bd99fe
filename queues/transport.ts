/**
 * What carries pointers from the server to the workers. It may be down, slow, or forget everything at any moment; nothing but speed depends on
 * it. `bullmq.ts` implements it on Redis.
 */
import type { JobPointer } from "./exchange.ts"

export interface Parcel {
  /** the same id is not carried twice at the same time */
  id: string
  pointer: JobPointer
}

export interface Transport {
  /** whether it takes anything now */
  readonly isReady: boolean
  /** Calls the listener whenever it has become ready (again). Returns a function that ends it. */
  onReady(listener: () => void): () => void
  /** All or, where it fails, any part of them. @throws StoredError TIMEOUT, BACKEND_UNAVAILABLE (retryable), within its own deadline */
  send(queue: string, parcels: Parcel[]): Promise<void>
  /** Which of these ids it does not hold any more, waiting or given out. @throws as `send` */
  missing(queue: string, ids: string[]): Promise<string[]>
  /** Has a queue given out, whatever became of it before. @throws as `send` */
  prepare(queue: string): Promise<void>
  /** Forgets a queue and all that waits in it. @throws as `send` */
  forget(queue: string): Promise<void>
  close(): Promise<void>
}

export interface Delivery {
  id: string
  /** as it came; nobody has looked at it yet */
  pointer: unknown
}

/**
 * Takes one delivery; the job is over when it returns. `signal` fires when the transport has taken the job back to give it to somebody else.
 * What it throws is logged, and the job is over all the same: the outbox knows better what is still to do. But for `NotUnderstood`, which has it given out
 * again after a while, to whoever takes then; after some times it is over too, and the outbox has it sent anew.
 */
export type Take = (delivery: Delivery, signal: AbortSignal) => Promise<void>

/** Thrown by a worker that stops: the job goes to another one, and this was no try. */
export class HandedBack extends Error {}

/** Thrown by a worker that does not know the version of a payload: others may. */
export class NotUnderstood extends HandedBack {
  readonly version: number

  constructor(version: number) {
    super(`No worker that was asked knows version ${version} of this payload.`)
    this.version = version
  }
}

export interface Intake {
  /** Takes no more. What runs goes on. */
  pause(): void
  /** Lets go of the connection; what still runs is given to somebody else. */
  close(): Promise<void>
}

/** The workers' end. */
export interface IntakeOpener {
  open(queue: string, options: { concurrency: number; take: Take }): Intake
  close(): Promise<void>
}
