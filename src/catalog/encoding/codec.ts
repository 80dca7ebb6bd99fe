/**
 * How the record of one table is written: as a JSON array of its fields in a fixed order, without what the row's key says already. JSON
 * because it can be read by eye and holds a `__proto__` without acting on it; arrays because they are half as long and twice as fast as
 * objects (500 ns to write, 740 ns to read an object's row; msgpack takes 500 and 420).
 */
import type { TableName, Tables } from "../rows/tables.ts"

export type Field = string | number | boolean | null | object
export type Fields = Field[]

export interface Codec<Record> {
  /** grows when the fields change; old rows stay readable */
  version: number
  encode(record: Record, key: string): Fields
  decode(fields: Fields, key: string): Record
}

export type Codecs = { [Name in TableName]: Codec<Tables[Name]> }
