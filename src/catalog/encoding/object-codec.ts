/** The row of an object. Its key is the row's key; a copy that stands under the same key at its backend does not repeat it. */
import type { ObjectRecord } from "../record.ts"
import type { Codec } from "./codec.ts"

type Attributes = NonNullable<ObjectRecord["attributes"]>
type ObjectFields = [
  id: ObjectRecord["id"],
  version: number,
  size: number,
  mimeType: string,
  custom: ObjectRecord["custom"],
  state: ObjectRecord["state"],
  created: number,
  modified: number,
  attributes: Attributes | 0,
  copies: [backend: string, key: string | 0][],
]

export const objectCodec: Codec<ObjectRecord> = {
  version: 1,
  encode: (row, key) =>
    [
      row.id,
      row.version,
      row.size,
      row.mimeType,
      row.custom,
      row.state,
      row.created,
      row.modified,
      row.attributes ?? 0,
      row.copies.map((copy) => [copy.backend, copy.key === key ? 0 : copy.key]),
    ] satisfies ObjectFields,
  decode: (fields, key) => {
    const [id, version, size, mimeType, custom, state, created, modified, attributes, copies] = fields as ObjectFields
    return {
      key,
      id,
      version,
      size,
      mimeType,
      custom,
      state,
      created,
      modified,
      ...(attributes !== 0 && { attributes }),
      copies: copies.map(([backend, at]) => ({ backend, key: at === 0 ? key : at })),
    }
  },
}
