/**
 * When the audit of a backend is due whose content is all ours: nobody waits for it, so those of many backends do not come at once, and a process that has only just
 * begun does other things first. What of that is chance goes by the backend's name, so that it is the same after every start.
 */
import { createHash } from "node:crypto"

/** ms for which a process leaves it, at least, and what comes to that at most */
const SOON = 60_000
const SOON_SPREAD = 540_000
/** the share of the time between two audits by which it is put off at most */
const SPREAD = 0.1

export interface AuditTime {
  name: string
  /** UTC ms: of the last scan, 0 where there was none; since when the backend is known; since when this process works for it; now */
  started: number
  created: number
  begun: number
  now: number
  /** ms between two audits */
  every: number
}

export function isAuditDue({ name, started, created, begun, now, every }: AuditTime): boolean {
  const share = shareOf(name)
  const isRested = now - begun >= SOON + share * SOON_SPREAD
  return isRested && now - Math.max(started, created) >= every * (1 + share * SPREAD)
}

/** From 0 to 1, another one for most other names. */
function shareOf(name: string): number {
  return createHash("sha256").update(name).digest().readUInt32BE() / 2 ** 32
}
