/**
 * The row of a journal record. Its sequence is the key. The chain is a SHA-256 over the chain of the record before, the sequence and the
 * fields as they are written: whoever changes, drops or inserts a record must write all that follow anew.
 */
import { hash } from "node:crypto"
import type { JournalRecord } from "../record.ts"
import { parseNumberKey } from "../rows/key.ts"
import type { Codec } from "./codec.ts"

type Unchained = Omit<JournalRecord, "chain">
type JournalFields = [
  time: number,
  command: JournalRecord["command"],
  key: string | null,
  id: JournalRecord["id"],
  backend: string | null,
  principal: string | null,
  requestId: string | null,
  idempotencyKey: string | null,
  detail: JournalRecord["detail"],
]

function fieldsOf(record: Unchained): JournalFields {
  const { time, command, key, id, backend, principal, requestId, idempotencyKey, detail } = record
  return [time, command, key, id, backend, principal, requestId, idempotencyKey, detail]
}

/** The chain of a record that follows one with the chain `before` (empty for the first), lower-case hex. */
export function chainOf(before: string, record: Unchained): string {
  return hash("sha256", `${before}${record.sequence}${JSON.stringify(fieldsOf(record))}`, "hex")
}

export const journalCodec: Codec<JournalRecord> = {
  version: 1,
  encode: (record) => [...fieldsOf(record), record.chain],
  decode: (fields, rowKey) => {
    const [time, command, key, id, backend, principal, requestId, idempotencyKey, detail, chain] = fields as [
      ...JournalFields,
      string,
    ]
    const sequence = parseNumberKey(rowKey)
    return { sequence, time, command, key, id, backend, principal, requestId, idempotencyKey, detail, chain }
  },
}
