/** Puts of 4 KiB and 64 KiB, one and 32 at a time. The goals are those of Buffer puts, durable, 32 in flight. */
import { KIB } from "./content.ts"
import { measureMatrix } from "./put-matrix.ts"
import type { Bench, Section, Subject } from "./subject.ts"

const GOALS = { cacache: 1.5, bare: 0.6 }

const MATRICES = [
  { size: 4 * KIB, count: 3000, width: 32, goals: GOALS },
  { size: 64 * KIB, count: 1000, width: 32, goals: GOALS },
  { size: 4 * KIB, count: 400, width: 1 },
  { size: 64 * KIB, count: 300, width: 1 },
]

export const putSmall: Subject = {
  name: "put-small",
  about: "4 KiB and 64 KiB: Buffer, stream, path; 1 and 32 in flight; durable and not",
  measure: async (bench: Bench): Promise<Section[]> => {
    const sections: Section[] = []
    for (const { count, ...matrix } of MATRICES) {
      sections.push(await measureMatrix(bench, { ...matrix, count: bench.quick ? count / 5 : count }))
    }
    return sections
  },
}
