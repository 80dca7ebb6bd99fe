/**
 * Claims that were taken from workers which have not told what they did. They may have written at any time until they end: each location is looked at
 * again once nobody can be writing there any more.
 */
import type { Outcome } from "../src/catalog/catalog.ts"
import type { Claim } from "./claims.ts"
import type { JobPointer } from "./exchange.ts"
import type { Job } from "./job.ts"
import { outcomeOf } from "./outcome.ts"

export class LostClaims {
  readonly #claims = new Map<string, Claim>()

  add(claim: Claim): void {
    this.#claims.set(claim.number, claim)
  }

  /** Its worker has told after all. */
  found(number: string): void {
    this.#claims.delete(number)
  }

  /**
   * Has the locations of those that are over looked at again. Ends with the first that cannot be committed; the next call tries it again.
   * @param commit throws where it cannot; it has told so itself
   */
  async tell(isOver: (claim: Claim) => boolean, commit: (job: Job, late: Outcome) => Promise<unknown>): Promise<void> {
    for (const claim of [...this.#claims.values()]) {
      if (!isOver(claim)) continue
      const late = outcomeOf(pointerTo(claim.job), { type: "late" })
      try {
        if (late) await commit(claim.job, late)
        this.#claims.delete(claim.number)
      } catch {
        return
      }
    }
  }
}

function pointerTo(job: Job): JobPointer {
  if (job.kind === "checksum") return { version: 1, kind: "checksum", id: job.id }
  const { kind, backend, key, generation } = job
  return { version: 1, kind, backend, key, generation }
}
