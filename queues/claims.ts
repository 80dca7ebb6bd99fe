/** The jobs that workers have claimed and not ended, by the number that each claim bears. */
import { randomBytes } from "node:crypto"
import type { Job } from "./job.ts"

export interface Claim {
  number: string
  /** the parcel under which it was claimed */
  jobId: string
  worker: string
  /** UTC ms after which nobody waits for its result: the job's deadline, and time to tell */
  until: number
  /** as it was ordered */
  job: Job
}

/** Numbers of an earlier life of the server mean nothing in this one. */
const life = randomBytes(6).toString("base64url")
let count = 0

export class Claims {
  readonly #claims = new Map<string, Claim>()

  get size(): number {
    return this.#claims.size
  }

  add(claim: Omit<Claim, "number">): Claim {
    count += 1
    const numbered = { ...claim, number: `${life}-${count.toString(36)}` }
    this.#claims.set(numbered.number, numbered)
    return numbered
  }

  /** Takes back a removal. */
  restore(claim: Claim): Claim {
    this.#claims.set(claim.number, claim)
    return claim
  }

  remove({ number }: Claim): void {
    this.#claims.delete(number)
  }

  list(): Claim[] {
    return [...this.#claims.values()]
  }
}
