/**
 * The journal's records about one object, by a walk from its end. The journal has no index by key: one would cost a row and an index page with every commit, for a question that is
 * asked by people and now and then. The walk has a bound instead, and gives way to others between two pages.
 */
import type { Catalog } from "../catalog/catalog.ts"
import type { JournalRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import { throwIfAborted } from "../core/error.ts"
import type { WhyJournal, WhyOptions } from "./why-face.ts"

const PAGE = 1_000
const DEPTH = 20_000
const MOST_RECORDS = 1_000

export interface Subject {
  /** null: asked for by content */
  key: string | null
  /** null: nothing is there now */
  id: BlobId | null
}

/** @throws StoredError ABORTED */
export async function journalOf(
  catalog: Pick<Catalog, "journal" | "lastSequence">,
  subject: Subject,
  { depth = DEPTH, all = false, signal }: WhyOptions,
): Promise<WhyJournal> {
  const records: JournalRecord[] = []
  const last = catalog.lastSequence()
  const lowest = all ? 0 : Math.max(0, last - depth)
  let place = last
  while (place > lowest) {
    const after = Math.max(lowest, place - PAGE)
    for (const record of [...catalog.journal({ after, limit: place - after })].reverse()) {
      if (!isAbout(record, subject)) continue
      records.push(record)
      const isOver = isBirth(record, subject)
      if (isOver || records.length === MOST_RECORDS) {
        return {
          records: records.reverse(),
          looked: last - record.sequence + 1,
          from: record.sequence,
          complete: isOver,
        }
      }
    }
    place = after
    throwIfAborted(signal)
    await new Promise((resume) => setImmediate(resume))
  }
  return { records: records.reverse(), looked: last - place, from: place + 1, complete: place === 0 }
}

function isAbout({ key, id, detail }: JournalRecord, subject: Subject): boolean {
  if (subject.key === null) return id === subject.id
  // What happens to bytes in staging happens to whoever names them.
  if (key === null) return id !== null && id === subject.id
  return key === subject.key || detail.from === subject.key || detail.to === subject.key
}

/** Versions of a key go on after its delete: the first is the first there ever was. */
function isBirth({ key, detail }: JournalRecord, subject: Subject): boolean {
  return subject.key !== null && key === subject.key && detail.version === 1
}
