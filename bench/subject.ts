/** What a subject of the benchmark gets and gives: it measures in its own directory and answers with sections of a report. */
import { type Measured, ratio } from "./measure.ts"

export interface Bench {
  /** an empty directory on the disk that is measured; removed afterwards */
  directory: string
  /** counted rounds of each comparison */
  rounds: number
  /** smaller sizes and counts, to see that everything works */
  quick: boolean
  say(line: string): void
}

export interface Subject {
  name: string
  about: string
  measure(bench: Bench): Promise<Section[]>
}

export interface Section {
  title: string
  measured: Measured[]
  claims: Claim[]
  notes?: string[]
}

/** One ratio or rate of ours, and what it should be. */
export interface Claim {
  text: string
  value: number
  unit: "×" | "/s"
  /** absent: only told, not asked for */
  goal?: { atLeast: number } | { atMost: number }
}

/** Ours as a multiple of a peer's rate. */
export function timesFaster(measured: Measured[], ours: string, peer: string, atLeast?: number): Claim {
  const value = ratio(measured, ours, peer)
  return { text: `${ours} / ${peer}`, value, unit: "×", ...(atLeast !== undefined && { goal: { atLeast } }) }
}

export function isMet({ value, goal }: Claim): boolean {
  if (!goal) return true
  return "atLeast" in goal ? value >= goal.atLeast : value <= goal.atMost
}
