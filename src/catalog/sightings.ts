/** What scans, watches and looks tell the catalog (DESIGN §4): what was seen at places of a backend. */
import type { BlobId } from "../core/blob-id.ts"
import type { Checksums } from "../core/checksum.ts"
import type { JsonObject } from "../core/json.ts"
import type { SeenState } from "../core/seen-state.ts"
import type { LocationRecord } from "./record.ts"

export interface FoundContent extends SeenState {
  /** null: its content was not read */
  id: BlobId | null
  checksums: Checksums
  mimeType: string
  /** of a proof that is older than this look, which has not read the content again; absent: it was read now, or only listed */
  verified?: NonNullable<LocationRecord["verified"]>
  /** of bytes that are not what should be there: their name in quarantine, null where they could not be kept; absent: nobody has tried */
  kept?: string | null
}

/** What was seen at one place. */
export interface Sighting {
  /** inside the backend */
  key: string
  /** of the location as it was before anybody looked, null where there was none */
  generation: number | null
  /** null: nothing is there, or nobody looked */
  found: FoundContent | null
  /** nobody looked, because a pattern passes the place over: what was only found there leaves the index, and its file stays */
  ignored?: true
}

/** One page of a scan. */
export interface ScanPage {
  /** of the scan; a page of another one than that which is under way only tells what was seen */
  number: number
  /** the last key that was listed */
  cursor: string | null
  isLast: boolean
  /** entries that were listed, their bytes, and those that were passed over */
  files: number
  bytes: number
  skipped: number
  /** how often for which reason */
  reasons: Record<string, number>
}

export interface SightingsFact {
  backend: string
  /** the journal's last sequence before any of it was looked at */
  asOf: number
  sightings: Sighting[]
  /** begins the keys of objects that are made of what was found */
  prefix: string
  /** whether content that is not known is to be read */
  hash: boolean
  /** content is not read unasked: a found file in another state than before is another version of it, of which no more is known than that */
  listed?: boolean
  page?: ScanPage
  /** of looks: how often something could not be taken in, for which reason */
  reasons?: Record<string, number>
  /** UTC ms */
  time: number
}

/** What was journalled of one object. */
export interface FoundFact {
  command: "changed" | "moved" | "drift" | "delete"
  sequence: number
  /** of the object */
  key: string
  id: BlobId | null
  detail: JsonObject
}

/** How many sightings were what. */
export interface SightingsCommit {
  /** not known before */
  added: number
  changed: number
  /** the same file under another name */
  moved: number
  missing: number
  /** a copy that was missing or bad is as it should be again */
  mended: number
  /** passed over from now on, and out of the index */
  ignored: number
  same: number
  /** its key names another object */
  taken: number
  /** something had moved on since the look: looked at again */
  again: number
  sequence: number | null
  facts: FoundFact[]
  /** backends that have work now */
  nudge: string[]
}
