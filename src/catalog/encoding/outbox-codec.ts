/** The row of a job. Its sequence is the key. */

import type { OutboxRecord } from "../record.ts"
import { parseNumberKey } from "../rows/key.ts"
import type { Codec } from "./codec.ts"

type OutboxFields = [
  queue: string,
  parked: 0 | 1,
  dueAt: number,
  payload: OutboxRecord["payload"],
  attempts: number,
  created: number,
  modified: number,
  error: OutboxRecord["error"],
]

export const outboxCodec: Codec<OutboxRecord> = {
  version: 1,
  encode: (row) =>
    [
      row.queue,
      row.status === "parked" ? 1 : 0,
      row.dueAt,
      row.payload,
      row.attempts,
      row.created,
      row.modified,
      row.error,
    ] satisfies OutboxFields,
  decode: (fields, key) => {
    const [queue, parked, dueAt, payload, attempts, created, modified, error] = fields as OutboxFields
    const sequence = parseNumberKey(key)
    return {
      sequence,
      queue,
      status: parked === 1 ? "parked" : "due",
      dueAt,
      payload,
      attempts,
      created,
      modified,
      error,
    }
  },
}
