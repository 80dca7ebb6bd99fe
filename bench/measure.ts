/**
 * Measuring side by side: every contender runs once a round, one after the other, and each round begins with another one, so that a
 * machine that grows slower or faster meets all of them alike. The first round only warms up. A ratio is the median of the ratios
 * of single rounds, not the ratio of two medians.
 *
 * Between two contenders everything dirty is written to disk and the garbage is collected, so that nobody pays for another one.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { run } from "./command.ts"

export type Unit = "puts/s" | "gets/s" | "calls/s" | "objects/s" | "files/s" | "MB/s"

export interface Sample {
  /** amount per second */
  rate: number
  /** further rates that the same run gave, by name */
  also?: Record<string, number>
}

export interface Contender {
  name: string
  unit: Unit
  /** Prepares, does the timed work, checks that the work was done, tidies up. Throws where the check fails. */
  run(round: number): Promise<Sample>
}

/** One line of a table: a rate for each round. */
export interface Measured {
  name: string
  unit: Unit
  rates: number[]
}

/** @param options `rounds` counted ones, besides the warm-up; `directory` lies on the file system that is flushed in between */
export async function interleave(
  contenders: Contender[],
  options: { rounds: number; directory: string; progress?(line: string): void },
): Promise<Measured[]> {
  const measured = new Map<string, Measured>()
  for (let round = 0; round <= options.rounds; round += 1) {
    options.progress?.(round === 0 ? "warm-up" : `round ${round} of ${options.rounds}`)
    for (const index of contenders.keys()) {
      const contender = contenders[(index + round) % contenders.length]!
      await settle(options.directory)
      const sample = await contender.run(round)
      note(measured, contender, sample, round > 0)
    }
  }
  return [...measured.values()]
}

/** The warm-up fixes the order of the lines; only later rounds count. */
function note(measured: Map<string, Measured>, { name, unit }: Contender, sample: Sample, counts: boolean): void {
  for (const [line, rate] of Object.entries({ [name]: sample.rate, ...sample.also })) {
    const entry = measured.get(line) ?? { name: line, unit, rates: [] }
    measured.set(line, entry)
    if (counts) entry.rates.push(rate)
  }
}

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

async function settle(directory: string): Promise<void> {
  await run("sync", ["-f", directory])
  collectGarbage()
}

/** Seconds that the work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

/** Calls `work` with 0 to `count - 1`, at most `width` of them at a time. The first failure ends it. */
export async function inFlight(width: number, count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane))
}

export function median(values: number[]): number {
  if (values.length === 0) throw new RangeError("There is no median of nothing.")
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The median over the rounds of one contender's rate divided by another's in the same round. */
export function ratio(measured: Measured[], one: string, other: string): number {
  const [above, below] = [find(measured, one), find(measured, other)]
  return median(above.rates.map((rate, round) => rate / below.rates[round]!))
}

export function find(measured: Measured[], name: string): Measured {
  const entry = measured.find((line) => line.name === name)
  if (!entry) throw new Error(`Nothing was measured under the name "${name}".`)
  return entry
}
