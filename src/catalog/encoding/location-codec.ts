/** The row of a location. Its backend and key are the row's key; the object's key and `have` are not repeated where they are the same. */

import { splitLocationKey } from "../rows/key.ts"
import type { LocationRow } from "../rows/tables.ts"
import type { Codec } from "./codec.ts"

type Verified = NonNullable<LocationRow["verified"]>
type LocationFields = [
  objectKey: string | 0,
  want: LocationRow["want"],
  have: LocationRow["have"] | 0,
  generation: number,
  state: LocationRow["state"],
  attempts: number,
  error: LocationRow["error"],
  verified: [at: number, by: Verified["by"]] | null,
  seen: [size: number, modified: number] | null,
  created: number,
  modified: number,
  job: number | null,
]

export const locationCodec: Codec<LocationRow> = {
  version: 1,
  encode: (row) =>
    [
      row.objectKey === row.key ? 0 : row.objectKey,
      row.want,
      row.have !== null && row.have === row.want ? 0 : row.have,
      row.generation,
      row.state,
      row.attempts,
      row.error,
      row.verified && [row.verified.at, row.verified.by],
      row.seen && [row.seen.size, row.seen.modified],
      row.created,
      row.modified,
      row.job,
    ] satisfies LocationFields,
  decode: (fields, rowKey) => {
    const [objectKey, want, have, generation, state, attempts, error, verified, seen, created, modified, job] =
      fields as LocationFields
    const { backend, key } = splitLocationKey(rowKey)
    return {
      backend,
      key,
      objectKey: objectKey === 0 ? key : objectKey,
      want,
      have: have === 0 ? want : have,
      generation,
      state,
      attempts,
      error,
      verified: verified && { at: verified[0], by: verified[1] },
      seen: seen && { size: seen[0], modified: seen[1] },
      created,
      modified,
      job,
    }
  },
}
