/** The row of a location. Its backend and key are the row's key; the object's key and `have` are not repeated where they are the same. */

import type { SeenState } from "../../core/seen-state.ts"
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
  seen: [size: number, modified: number, etag?: string | null, file?: string | null] | null,
  created: number,
  modified: number,
  job: number | null,
  found?: 0 | 1,
  bad?: 1,
]

export const locationCodec: Codec<LocationRow> = {
  version: 2,
  encode: (row) => {
    const fields = [
      row.objectKey === row.key ? 0 : row.objectKey,
      row.want,
      row.have !== null && row.have === row.want ? 0 : row.have,
      row.generation,
      row.state,
      row.attempts,
      row.error,
      row.verified && [row.verified.at, row.verified.by],
      row.seen && [row.seen.size, row.seen.modified, row.seen.etag ?? null, row.seen.file ?? null],
      row.created,
      row.modified,
      row.job,
      row.found ? 1 : 0,
    ] satisfies LocationFields
    return row.bad ? [...fields, 1] : fields
  },
  // Rows of older programs end earlier.
  decode: (fields, rowKey) => {
    const [objectKey, want, have, generation, state, attempts, error, verified, seen, created, modified, ...last] =
      fields as LocationFields
    const [job, found, bad] = last
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
      seen: seen && decodeSeen(seen),
      created,
      modified,
      job,
      ...(found === 1 && { found: true }),
      ...(bad === 1 && { bad: true }),
    }
  },
}

function decodeSeen([size, modified, etag, file]: NonNullable<LocationFields[8]>): SeenState {
  return { size, modified, ...(typeof etag === "string" && { etag }), ...(typeof file === "string" && { file }) }
}
