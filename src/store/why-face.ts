/** The verb that tells the whole life of one object: what it is, what has happened to it, and what it waits for. */
import type { JournalRecord, OutboxRecord } from "../catalog/record.ts"
import type { Metadata, MetadataLocation } from "../core/metadata.ts"

export interface WhyOptions {
  /** journal records that are looked at, the newest first; absent: 20,000 */
  depth?: number
  /** the whole journal, however long it is */
  all?: boolean
  signal?: AbortSignal
}

/** A job of the outbox that concerns it. */
export interface WhyJob extends OutboxRecord {
  /** somebody is at it now */
  running: boolean
}

export interface WhyCopy extends MetadataLocation {
  /** the object that it serves */
  objectKey: string
  /** whether bytes should be there at all; false: it is to go */
  wanted: boolean
  /** UTC ms since when it is as it is */
  since: number
  /** null: there is nothing to do */
  job: WhyJob | null
}

/** Why something does not go on, and what would make it. */
export interface WhyWait {
  /** null: it is about the object's content */
  backend: string | null
  reason: "running" | "queued" | "retry" | "breaker" | "paused" | "unavailable" | "no-worker" | "parked" | "unproven"
  /** a sentence for people, without the time */
  message: string
  /** UTC ms of the next try, null where there is none by itself, or at once */
  next: number | null
  /** a command that makes it go on, or says more; null where waiting is enough */
  command: string | null
}

export interface WhyJournal {
  /** those about it, the oldest first; at most the newest 1,000 */
  records: JournalRecord[]
  /** how many were looked at, and the sequence of the oldest of them */
  looked: number
  from: number
  /** whether there can be no older ones: its first record, or the journal's, was reached */
  complete: boolean
}

export interface Why {
  /** as it was asked for */
  name: string
  /** what it is now; null where it is no more */
  object: Metadata | null
  /** at most 100 */
  copies: WhyCopy[]
  /** of its content, where one is out: further checksums */
  checksumJob: WhyJob | null
  waits: WhyWait[]
  journal: WhyJournal
}

export interface WhyFace {
  /** By key, id or checksum; an object that was deleted is told of by its key, as far as the journal is looked at. @throws NOT_FOUND, INVALID_KEY, ABORTED */
  why(idOrKey: string, options?: WhyOptions): Promise<Why>
}
