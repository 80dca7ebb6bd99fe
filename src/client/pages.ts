/** What the server gives page by page, one by one: objects, journal records, jobs that were given up. */
import type { JournalRecord, OutboxRecord } from "../catalog/record.ts"
import { checkOptions } from "../store/check-options.ts"
import { PagedItems } from "../store/paged.ts"
import type { FailedOptions, ListedObject, ListOptions } from "../store/store.ts"
import type { Link } from "./link.ts"

const PAGE = 1_000

export function list(link: Link, options?: ListOptions): AsyncGenerator<ListedObject, void, undefined> {
  return new PagedItems(listPages(link, options))
}

async function* listPages(link: Link, options: ListOptions = {}): AsyncGenerator<ListedObject[], void, undefined> {
  checkOptions("list", options)
  const { prefix, backend, after, signal } = options
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let place: Record<string, string | undefined> = { after }
  while (left > 0) {
    const query = { prefix, backend, ...place, limit: String(Math.min(left, PAGE)) }
    const page = await link.json<{ objects: ListedObject[]; cursor: string | null }>({
      path: "/v1/objects",
      query,
      signal,
    })
    if (page.objects.length > 0) yield page.objects
    left -= page.objects.length
    if (page.cursor === null) return
    place = { cursor: page.cursor }
  }
}

/** Up to the record that is the last one when the last page is asked for. */
export function journal(link: Link, options?: { after?: number; limit?: number }): AsyncIterable<JournalRecord> {
  checkOptions("journal", options)
  const read = async (page: SequencePage): Promise<JournalRecord[]> =>
    (await link.json<{ records: JournalRecord[] }>({ path: "/v1/journal", query: texts(page) })).records
  return new PagedItems(sequencePages(read, options))
}

export function failed(link: Link, options?: FailedOptions): AsyncIterable<OutboxRecord> {
  checkOptions("failed", options)
  const backend = options?.backend
  const read = async (page: SequencePage): Promise<OutboxRecord[]> =>
    (await link.json<{ jobs: OutboxRecord[] }>({ path: "/v1/failed", query: { backend, ...texts(page) } })).jobs
  return new PagedItems(sequencePages(read, options))
}

interface SequencePage {
  after: number
  limit: number
}

async function* sequencePages<Row extends { sequence: number }>(
  read: (page: SequencePage) => Promise<Row[]>,
  options: { after?: number; limit?: number } = {},
): AsyncGenerator<Row[], void, undefined> {
  let { after = 0, limit: left = Number.POSITIVE_INFINITY } = options
  while (left > 0) {
    const limit = Math.min(left, PAGE)
    const rows = await read({ after, limit })
    if (rows.length > 0) yield rows
    left -= rows.length
    if (rows.length < limit) return
    after = rows.at(-1)!.sequence
  }
}

function texts({ after, limit }: SequencePage): Record<string, string> {
  return { after: String(after), limit: String(limit) }
}
