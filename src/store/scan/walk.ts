/**
 * One walk over a backend (DESIGN §4, scan): pages of its listing beside the catalog, each page one commit with the cursor, so that it goes on from the last one
 * whatever happens. Memory is that of a few pages.
 *
 * For the first seconds content is read before its page is committed, and a small folder is done in one go. After that pages are committed as they are listed,
 * so that a large one can be browsed soon, and what must be read is left to the looks.
 */
import type { BackendEntry, SkippedEntry } from "../../backends/backend.ts"
import type { ScanRecord } from "../../catalog/record.ts"
import type { ScanPage, Sighting } from "../../catalog/sightings.ts"
import { StoredError, throwIfAborted } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import { isSameState } from "../../core/seen-state.ts"
import { isSynced } from "../reference.ts"
import { type Difference, differences, LocationCursor } from "./compare.ts"
import { foundContent } from "./found-content.ts"
import { isPassedOver } from "./passed-over.ts"
import { type FoundRead, FoundReader } from "./read-found.ts"
import type { ScannedBackend } from "./scan-parts.ts"
import { statFound } from "./stat-found.ts"
import { commitSightings } from "./tell.ts"

const ENTRIES_A_PAGE = 500
const PAGES_AHEAD = 4
/** ms for which pages wait for their content */
const READ_AT_ONCE = 10_000
/** bytes that a page waits for at most; what is beyond is left to the looks */
const BYTES_A_PAGE = 128 * 2 ** 20

export interface WalkOptions {
  /** also where nothing at all is listed */
  force: boolean
}

interface Page {
  asOf: number
  entries: BackendEntry[]
  reasons: Record<string, number>
  isLast: boolean
}

/** Walks from the scan's cursor to the end. @throws StoredError of the backend; ABORTED; BACKEND_UNAVAILABLE where nothing is listed of what should be there */
export async function walk(scanned: ScannedBackend, scan: ScanRecord, { force }: WalkOptions): Promise<void> {
  const { services, name, isIgnored } = scanned
  const { cursor } = scan
  const reader = new FoundReader(scanned)
  const locations = new LocationCursor(services.catalog.locations(name, cursor === null ? {} : { after: cursor }))
  const until = performance.now() + READ_AT_ONCE
  const prepared: Prepared[] = []
  let isEmpty = scan.files === 0
  try {
    for await (const page of pagesOf(scanned, scan)) {
      isEmpty &&= page.entries.length === 0
      if (page.isLast && isEmpty && !force) requireEmpty(scanned)
      const differing = [...differences(page.entries, locations, { isLast: page.isLast, hash: scan.hash, isIgnored })]
      const found = scan.audit ? differing.filter(({ location }) => location !== null) : differing
      const readNow = performance.now() < until && scanned.budget.isFree
      prepared.push(new Prepared(prepare(scanned, reader, scan, page, found, readNow)))
      // A page that waits for nothing is committed at once, so that a crash lets little be listed again.
      while (prepared.length >= PAGES_AHEAD || prepared[0]?.isReady) await prepared.shift()!.commit()
    }
    for (const next of prepared) await next.commit()
  } finally {
    await Promise.allSettled(prepared.map(({ ended }) => ended))
  }
}

/** A page that is being made ready. Its failure is met when it is its turn. */
class Prepared {
  readonly ended: Promise<() => Promise<void>>
  isReady = false

  constructor(preparing: Promise<() => Promise<void>>) {
    this.ended = preparing
    const end = (): void => {
      this.isReady = true
    }
    preparing.then(end, end)
  }

  async commit(): Promise<void> {
    const commit = await this.ended
    await commit()
  }
}

/** An empty folder where much should be is a disk that is not there (row 34). */
function requireEmpty({ services, name }: ScannedBackend): void {
  for (const location of services.catalog.locations(name, { limit: 1_000 })) {
    if (!isSynced(location)) continue
    throw new StoredError(
      "BACKEND_UNAVAILABLE",
      `Nothing at all lies on backend "${name}", where copies should be: see whether its disk is mounted, or force the scan to take all of it for missing.`,
      { details: { backend: name } },
    )
  }
}

async function* pagesOf(scanned: ScannedBackend, { cursor }: ScanRecord): AsyncGenerator<Page> {
  const { services, backend, rules, isIgnored, signal } = scanned
  let reasons: Record<string, number> = {}
  const pass = (reason: string): void => {
    reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  const onSkip = ({ reason }: SkippedEntry): void => pass(reason)
  let entries: BackendEntry[] = []
  // What was listed may be older than its page by what the driver reads ahead: as old as the page before.
  let before = services.catalog.lastSequence()
  let asOf = before
  const page = (isLast: boolean): Page => {
    const made = { asOf: before, entries, reasons, isLast }
    before = asOf
    asOf = services.catalog.lastSequence()
    entries = []
    reasons = {}
    return made
  }
  const passesOver = (folder: string): boolean => {
    const isPassed = isIgnored(folder)
    if (isPassed) pass("ignored")
    return isPassed
  }
  for await (const entry of backend.list({ signal, onSkip, passesOver, ...(cursor !== null && { after: cursor }) })) {
    if (isIgnored(entry.key)) pass("ignored")
    else if (keyFault(rules.prefix + entry.key) !== null) pass("invalid-name")
    else entries.push(entry)
    if (entries.length >= ENTRIES_A_PAGE) yield page(false)
  }
  throwIfAborted(signal)
  yield page(true)
}

/** Reads and looks where that is needed; what it gives back commits the page, in its turn. */
async function prepare(
  scanned: ScannedBackend,
  reader: FoundReader,
  scan: ScanRecord,
  page: Page,
  found: readonly Difference[],
  readNow: boolean,
): Promise<() => Promise<void>> {
  const { services, name, rules } = scanned
  const listed = found.filter((each) => each.entry !== null)
  // First: what is gone from one place may be what is found at another.
  const gone = await confirmGone(scanned, found)
  const reads = await learn(scanned, reader, listed, { hash: scan.hash, readNow })
  const sightings: Sighting[] = listed.map(({ key, entry, location }) => ({
    key,
    generation: location?.generation ?? null,
    found: foundContent(scanned, key, entry!, reads.get(key)),
  }))
  sightings.push(...gone)
  const told: ScanPage = {
    number: scan.number,
    cursor: page.entries.at(-1)?.key ?? scan.cursor,
    isLast: page.isLast,
    files: page.entries.length,
    bytes: page.entries.reduce((sum, { size }) => sum + size, 0),
    skipped: Object.values(page.reasons).reduce((sum, times) => sum + times, 0),
    reasons: page.reasons,
  }
  return async () => {
    throwIfAborted(scanned.signal)
    const { asOf } = page
    await commitSightings(services, {
      backend: name,
      asOf,
      sightings,
      prefix: rules.prefix,
      hash: scan.hash,
      ...(!scan.hash && !rules.hash && { listed: true }),
      page: told,
    })
  }
}

/** By key, what is known of content by now. What the looks will come to in any case is asked for by them. */
async function learn(
  scanned: ScannedBackend,
  reader: FoundReader,
  listed: readonly Difference[],
  { hash, readNow }: { hash: boolean; readNow: boolean },
): Promise<Map<string, FoundRead>> {
  if (hash && !readNow) return new Map()
  const entries = listed.map(({ entry }) => entry!)
  const known = await reader.askVouched(entries, { hash })
  if (!hash) return known
  const unknown = listed.filter(({ key }) => !known.has(key))
  return new Map([...known, ...(await readSettled(scanned, reader, unknown))])
}

/** By key. What was written to only just now, or is much, is left to the looks. */
async function readSettled(
  { services, rules }: ScannedBackend,
  reader: FoundReader,
  listed: readonly Difference[],
): Promise<Map<string, FoundRead>> {
  const now = services.clock.now()
  let bytes = 0
  const ready = listed.flatMap(({ entry }) => {
    if (!isSettled(entry!, now, rules.settle) || bytes + entry!.size > BYTES_A_PAGE) return []
    bytes += entry!.size
    return [entry!]
  })
  const reads = await reader.read(ready)
  return new Map(ready.map(({ key }, index) => [key, reads[index]!]))
}

/** A time that has not come yet is no reason to wait. */
export function isSettled({ modified }: { modified: number }, now: number, settle: number): boolean {
  return modified > now || now - modified >= settle
}

/**
 * What is not listed is asked for by its name, and then whether the backend is there at all: nothing is taken for gone that is only out of reach, or that a pattern
 * passes over.
 */
async function confirmGone(scanned: ScannedBackend, found: readonly Difference[]): Promise<Sighting[]> {
  const { backend, signal } = scanned
  const sightings: Sighting[] = []
  const ignored: Sighting[] = []
  for (const { key, entry, location } of found) {
    if (entry !== null || !location) continue
    if (isPassedOver(scanned, key, location)) {
      ignored.push({ key, generation: location.generation, found: null, ignored: true })
      continue
    }
    const seen = await statFound(scanned, key)
    const isAsBefore = seen !== null && location.seen !== null && isSameState(location.seen, seen)
    if (seen === null) scanned.gone.keep(location, isSynced(location))
    if (!isAsBefore)
      sightings.push({ key, generation: location.generation, found: seen && foundContent(scanned, key, seen) })
  }
  if (sightings.length > 0) await backend.healthCheck({ signal })
  return [...sightings, ...ignored]
}
