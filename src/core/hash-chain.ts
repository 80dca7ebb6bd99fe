/**
 * Lines that tell of one another: each record has its number and the hash of the line before. Who edits, removes or moves one breaks the chain there. It has no key: whoever can write all of it can
 * write all of it anew, and what is cut off at its end is missed by nothing in it. Against these a copy elsewhere helps, or the last number and hash, kept elsewhere.
 */
import { hash } from "node:crypto"
import { plainLine } from "./log-line.ts"

/** Where a chain stands: what the next record is linked to. */
export interface ChainHead {
  /** of the last record, 0 before the first */
  sequence: number
  /** SHA-256 of the last line without its line feed, lower-case hex; 64 zeros before the first */
  hash: string
}

export const CHAIN_START: ChainHead = { sequence: 0, hash: "0".repeat(64) }

/** The next record as a line of JSON in printable ASCII, without its line feed. Facts are plain JSON. */
export function linkLine(head: ChainHead, facts: object): { line: string; head: ChainHead } {
  const sequence = head.sequence + 1
  const line = plainLine(JSON.stringify({ sequence, ...facts, previous: head.hash }))
  return { line, head: { sequence, hash: hashOf(line) } }
}

/** Where a chain stands behind this line; null where it is no record of one. */
export function headOf(line: string): ChainHead | null {
  const link = linkOf(line)
  return link && { sequence: link.sequence, hash: hashOf(line) }
}

/**
 * What is wrong with a line behind `head`; null where nothing is.
 * @param head null: the line may be the first that is kept of a longer chain
 */
export function linkFault(head: ChainHead | null, line: string): string | null {
  const link = linkOf(line)
  if (link === null) return "it is no record"
  if (head === null) return null
  if (link.sequence !== head.sequence + 1) return `it has the number ${link.sequence}, not ${head.sequence + 1}`
  return link.previous === head.hash ? null : "the record before it is not the one that it was written behind"
}

/** Whether a line is the first record of a chain: whoever wrote it knew of none before. */
export function isChainStart(line: string): boolean {
  const link = linkOf(line)
  return link?.sequence === 1 && link.previous === CHAIN_START.hash
}

function linkOf(line: string): { sequence: number; previous: string } | null {
  try {
    const { sequence, previous } = JSON.parse(line) as { sequence?: unknown; previous?: unknown }
    const isLink = Number.isSafeInteger(sequence) && (sequence as number) > 0 && typeof previous === "string"
    return isLink ? { sequence: sequence as number, previous: previous as string } : null
  } catch {
    // No JSON, or `null`: no record either way.
    return null
  }
}

function hashOf(line: string): string {
  return hash("sha256", line, "hex")
}
