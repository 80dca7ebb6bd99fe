/** The rows of the small tables: counts, indexes, single numbers. */
import type { BackendRecord, ConfigurationRecord, ScanRecord } from "../record.ts"
import type { Mark, NamespaceRow, ParkedRow, QueueRow, RequestRow, TotalsRow } from "../rows/tables.ts"
import { NO_TOTALS } from "../transitions/totals.ts"
import type { ValidationRecord } from "../validation-record.ts"
import type { Codec } from "./codec.ts"

/** Everything is in the key; a row that is there at all says yes. */
export const markCodec: Codec<Mark> = { version: 1, encode: () => [], decode: () => true }

export const numberCodec: Codec<number> = {
  version: 1,
  encode: (value) => [value],
  decode: (fields) => fields[0] as number,
}

export const parkedCodec: Codec<ParkedRow> = {
  version: 1,
  encode: (row) => [row.queue, row.parkedAt],
  decode: (fields) => ({ queue: fields[0] as string, parkedAt: fields[1] as number }),
}

export const queueCodec: Codec<QueueRow> = {
  version: 1,
  encode: (row) => [row.due, row.parked],
  decode: (fields) => ({ due: fields[0] as number, parked: fields[1] as number }),
}

type BackendFields = [
  driver: string,
  config: BackendRecord["config"],
  created: number,
  paused?: number | null,
  secrets?: BackendRecord["secrets"] | null,
  abilities?: BackendRecord["abilities"] | null,
  identity?: BackendRecord["identity"] | null,
]

export const backendCodec: Codec<BackendRecord> = {
  version: 2,
  encode: ({ driver, config, created, paused = null, secrets = null, abilities = null, identity = null }) => [
    driver,
    config,
    created,
    paused,
    secrets,
    abilities,
    identity,
  ],
  // Rows of older programs end earlier.
  decode: (fields, name) => {
    const [driver, config, created, paused, secrets, abilities, identity] = fields as BackendFields
    return {
      name,
      driver,
      config,
      created,
      ...(secrets && { secrets }),
      ...(abilities && { abilities }),
      ...(identity && { identity }),
      ...(typeof paused === "number" && { paused }),
    }
  },
}

export const configurationCodec: Codec<ConfigurationRecord> = {
  version: 1,
  encode: (row) => [row.settings, row.named, row.left],
  decode: (fields) => {
    const [settings, named, left] = fields as [ConfigurationRecord["settings"], string[], string[]]
    return { settings, named, left }
  },
}

/** A row for each backend at most, so that names cost nothing. */
export const scanCodec: Codec<ScanRecord> = {
  version: 1,
  encode: (row) => [row],
  decode: (fields) => fields[0] as ScanRecord,
}

export const requestCodec: Codec<RequestRow> = {
  version: 1,
  encode: ({ fingerprint, time, commit }) => [fingerprint, time, commit],
  decode: (fields) => {
    const [fingerprint, time, commit] = fields as [string, number, object]
    return { fingerprint, time, commit }
  },
}

export const namespaceCodec: Codec<NamespaceRow> = {
  version: 1,
  encode: (row) => [row.bytes, row.objects, row.countedTo],
  decode: (fields) => {
    const [bytes, objects, countedTo] = fields as [number, number, string | null]
    return { bytes, objects, countedTo }
  },
}

/** Two rows for each place at most. */
export const validationCodec: Codec<ValidationRecord> = {
  version: 1,
  encode: (row) => [row],
  decode: (fields) => fields[0] as ValidationRecord,
}

/** One row only. */
export const totalsCodec: Codec<TotalsRow> = {
  version: 1,
  encode: (row) => [row],
  // Older rows do not count everything.
  decode: (fields) => ({ ...NO_TOTALS, ...(fields[0] as Partial<TotalsRow>) }),
}
