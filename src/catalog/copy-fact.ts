/** What the catalog is told of copies and moves, and of requests that are to change something once. */
import type { JsonObject } from "../core/json.ts"
import type { Actor, DeleteCommit, PutCommit, PutFact } from "./catalog.ts"

/** A request that is to change something once, however often it is sent. */
export interface Once {
  /** who sends which kind of request under which key */
  name: string
  /** hex hash over everything that makes it this request and no other */
  fingerprint: string
}

export interface RequestsPage {
  /** null: from the first one on */
  after: string | null
  limit: number
  /** UTC ms */
  time: number
}

/** An object under another key too, or instead. */
export interface CopyFact
  extends Actor,
    Pick<PutFact, "key" | "copies" | "sideChecksums" | "ifVersion" | "ifAbsent" | "token" | "once" | "time"> {
  from: string
  /** refuse with CONFLICT unless `from` has this version */
  ifFromVersion?: number
  /** `from` goes */
  moves: boolean
  /** absent: those of `from` */
  custom?: JsonObject
  mimeType?: string
}

export interface CopyCommit extends PutCommit {
  /** null for a copy */
  removed: DeleteCommit | null
}
