/**
 * The tables of the catalog as its transitions see them: name → what one row holds. Keys are strings, ordered by their UTF-8 bytes
 * (`key.ts` builds them). Some rows carry more than their public record: the sequence of the job that is out for them, for example, so that
 * it is found without a search.
 */
import type {
  BackendRecord,
  BlobRecord,
  CatalogCounters,
  ConfigurationRecord,
  JournalRecord,
  LocationRecord,
  ObjectRecord,
  OutboxRecord,
  ScanRecord,
  TokenRecord,
  Usage,
} from "../record.ts"
import type { ValidationRecord } from "../validation-record.ts"

export interface BlobRow extends BlobRecord {
  /** sequence of its `checksum` job in the outbox */
  checksumJob: number | null
  /** neither staged nor proven anywhere, and the objects that name it are marked MISSING */
  missing: boolean
}

export interface LocationRow extends LocationRecord {
  /** sequence of its job in the outbox */
  job: number | null
  /** its copy was seen to be bad, and its repair was given up: what the backend says of it is not believed until it has been written over */
  bad?: true
}

/** One row: every count, and where the sequences and the journal's chain stand. */
export interface TotalsRow extends CatalogCounters {
  /** locations that want a blob, over all blobs */
  wanted: number
  tombstones: number
  generations: number
  backends: number
  tokens: number
  namespaces: number
  requests: number
  validations: number
  /** last sequence given to an outbox row */
  outboxSequence: number
  /** chain of the last journal record, empty before the first */
  chain: string
}

export interface QueueRow {
  due: number
  parked: number
}

/** What came of a request that is to change something once. */
export interface RequestRow {
  fingerprint: string
  /** UTC ms */
  time: number
  /** plain JSON */
  commit: object
}

export interface ParkedRow {
  queue: string
  /** UTC ms */
  parkedAt: number
}

/** A folder, or a key, that some token has a quota for. */
export interface NamespaceRow extends Usage {
  /** the last key that was counted while it is counted for the first time, empty before the first; null: all of it is counted */
  countedTo: string | null
}

/** A row of an index that says all it has to say by its key. */
export type Mark = true

export interface Tables {
  blobs: BlobRow
  objectsByBlob: Mark
  locationsByBlob: Mark
  objects: ObjectRecord
  /** side checksums only; the one that makes the id is the id */
  checksums: Mark
  locations: LocationRow
  outbox: OutboxRecord
  outboxDue: Mark
  parked: ParkedRow
  journal: JournalRecord
  backends: BackendRecord
  /** one row: what the data directory was configured with last */
  configuration: ConfigurationRecord
  /** `format`: version of everything on disk; `signed-url-epoch` */
  settings: number
  totals: TotalsRow
  queues: QueueRow
  /** size in bytes of staged content that may go, least recently read first */
  evictable: number
  /** last version of keys that name nothing any more */
  tombstones: number
  /** bytes at places of which it is not known what lies there, by backend and key: somebody is to look */
  looks: number
  /** the scan of each backend that is under way, or the last one */
  scans: ScanRecord
  /** the validations of each place, by place and kind */
  validations: ValidationRecord
  /** highest generation of the locations that a backend had and has no more: the next ones go on from there */
  generations: number
  /** by the names of the requests */
  requests: RequestRow
  tokens: TokenRecord
  /** what lies where some token has a quota, by prefix */
  namespaces: NamespaceRow
}

export type TableName = keyof Tables

/** The only row of `totals`, of the format in `settings`, and of `configuration`. */
export const TOTALS_KEY = "totals"
export const FORMAT_KEY = "format"
export const CONFIGURATION_KEY = "configuration"
/** In `settings`: see `transitions/signed-urls.ts`. */
export const SIGNED_URL_EPOCH_KEY = "signed-url-epoch"
