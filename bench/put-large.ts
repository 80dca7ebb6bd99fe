/** Puts of 1 MiB, and of 1 GiB by path and by stream, one and two at once, with both kinds of ids. */
import { KIB, MIB } from "./content.ts"
import { measureGigabyte } from "./put-gigabyte.ts"
import { measureMatrix } from "./put-matrix.ts"
import type { Bench, Section, Subject } from "./subject.ts"

export const putLarge: Subject = {
  name: "put-large",
  about: "1 MiB: Buffer, stream, path; 1 GiB: path, stream, two at once, sha256 and blake3 ids",
  measure: async (bench: Bench): Promise<Section[]> => {
    const count = bench.quick ? 16 : 96
    return [
      await measureMatrix(bench, { size: 1024 * KIB, count, width: 32 }),
      await measureMatrix(bench, { size: 1024 * KIB, count: count / 2, width: 1 }),
      await measureGigabyte(bench, bench.quick ? 64 * MIB : 1024 * MIB),
    ]
  },
}
