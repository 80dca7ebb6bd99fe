/**
 * What is sent for a row of the outbox. The id carries location and generation: a server that starts again sends the same rows under the same ids,
 * and the transport, which still holds them, carries them once. A row that goes out again in one life of the server gets a further number, because the
 * parcel before it may not be put away yet.
 */
import { hash } from "node:crypto"
import type { JobPayload } from "../src/catalog/record.ts"
import type { JobPointer } from "./exchange.ts"
import type { Job } from "./job.ts"
import { subjectOf } from "./subject.ts"
import type { Parcel } from "./transport.ts"

const HASH_DIGITS = 40

/** @param turns how often each id was sent in this life of the server; counted up here */
export function parcelOf(payload: JobPayload, turns: Turns): Parcel {
  const about = hash("sha256", subjectOf(payload), "hex").slice(0, HASH_DIGITS)
  const base = payload.kind === "sync" ? `sync-${about}-${payload.generation}` : `checksum-${about}`
  const turn = turns.next(base)
  return { id: turn === 0 ? base : `${base}-${turn}`, pointer: { version: 1, ...payload } as JobPointer }
}

/** What a pointer or an order is about, as the catalog says it. */
export function payloadOf(job: JobPointer | Job): JobPayload {
  if (job.kind === "checksum") return { kind: "checksum", id: job.id }
  const { kind, backend, key, generation } = job
  return { kind, backend, key, generation }
}

/** Bounded: an id that was forgotten begins at 0 again, which at worst waits until the transport is asked for it. */
const MOST_TURNS = 10_000

export class Turns {
  readonly #turns = new Map<string, number>()

  next(base: string): number {
    const turn = (this.#turns.get(base) ?? -1) + 1
    this.#turns.delete(base)
    this.#turns.set(base, turn)
    if (this.#turns.size > MOST_TURNS) this.#turns.delete(this.#turns.keys().next().value!)
    return turn
  }
}
