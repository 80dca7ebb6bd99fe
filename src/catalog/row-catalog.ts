/**
 * The catalog over any engine that keeps ordered rows. Commits are transitions (one verb a file) that go through the commit queue; reads are
 * ranges of rows. What is kept where, and how it becomes durable, is the engine's business.
 */
import type { BlobId } from "../core/blob-id.ts"
import type { ChecksumAlgorithm } from "../core/checksum.ts"
import { type Clock, systemClock } from "../core/clock.ts"
import { StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type {
  Actor,
  Catalog,
  CatalogFault,
  DeleteCommit,
  DeleteFact,
  Outcome,
  OutcomeCommit,
  Page,
  PutCommit,
  PutFact,
} from "./catalog.ts"
import { CommitQueue } from "./commit-queue.ts"
import type { CopyCommit, CopyFact, RequestsPage } from "./copy-fact.ts"
import { mendRows } from "./mend/mend.ts"
import { publicCopy, publicDelete, publicPut } from "./public-commit.ts"
import { publicBlob, publicCounters, publicLocation, publicObject, publicUsage } from "./public-record.ts"
import * as read from "./reads.ts"
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
} from "./record.ts"
import { RowTokens } from "./row-tokens.ts"
import { RowValidations } from "./row-validations.ts"
import type { Engine } from "./rows/engine.ts"
import { locationKey } from "./rows/key.ts"
import type { Rows } from "./rows/rows.ts"
import { CONFIGURATION_KEY } from "./rows/tables.ts"
import type { SightingsCommit, SightingsFact } from "./sightings.ts"
import { addBackend, keepConfiguration, type PauseFact, pauseBackend, removeBackend } from "./transitions/backend.ts"
import { checksumOutcome } from "./transitions/checksum-outcome.ts"
import { copy } from "./transitions/copy.ts"
import { remove } from "./transitions/delete.ts"
import { type DriftFact, drift } from "./transitions/drift.ts"
import { type ScanFact, stepScan } from "./transitions/found/scan.ts"
import { sightings } from "./transitions/found/sightings.ts"
import { type IdentityFact, identifyBackend } from "./transitions/identify-backend.ts"
import { askForLooks, neverScanned } from "./transitions/looks.ts"
import { forgetRequests, KEPT_FOR, once } from "./transitions/once.ts"
import { put } from "./transitions/put.ts"
import { recordReads } from "./transitions/reads.ts"
import { type RetryFilter, retryParked } from "./transitions/retry.ts"
import { revokeSignedUrls, type SignedUrlRevocationFact, signedUrlEpoch } from "./transitions/signed-urls.ts"
import { corrupt, evict, stage } from "./transitions/staged.ts"
import { syncOutcome } from "./transitions/sync-outcome.ts"
import { readTotals } from "./transitions/totals.ts"
import { verifyRows } from "./verify/verify.ts"

const GROWS = { frees: false }
const FREES = { frees: true }

export class RowCatalog implements Catalog {
  readonly #engine: Engine
  readonly #clock: Clock
  readonly tokens: RowTokens
  readonly validations: RowValidations
  #queue: CommitQueue | null = null

  constructor(engine: Engine, clock: Clock = systemClock) {
    this.#engine = engine
    this.#clock = clock
    this.tokens = new RowTokens(engine, (options, transition) => this.#commit(options, transition))
    this.validations = new RowValidations(engine, (options, transition) => this.#commit(options, transition))
  }

  async open(): Promise<void> {
    await this.#engine.open()
    this.#queue = new CommitQueue(this.#engine)
  }

  async close(): Promise<void> {
    await this.#queue?.end(closed())
    await this.#engine.close()
  }

  commitPut(fact: PutFact): Promise<PutCommit> {
    return this.#commit(GROWS, (rows) => once(rows, fact, () => publicPut(put(rows, fact))))
  }

  commitDelete(fact: DeleteFact): Promise<DeleteCommit> {
    return this.#commit(FREES, (rows) => once(rows, fact, () => publicDelete(remove(rows, fact))))
  }

  commitCopy(fact: CopyFact): Promise<CopyCommit> {
    return this.#commit(GROWS, (rows) => once(rows, fact, () => publicCopy(copy(rows, fact))))
  }

  commitForgetRequests({ time, ...page }: RequestsPage): Promise<string | null> {
    return this.#commit(FREES, (rows) => forgetRequests(rows, { ...page, before: time - KEPT_FOR }))
  }

  commitOutcomes(outcomes: Outcome[], time: number): Promise<OutcomeCommit[]> {
    return this.#commit(FREES, (rows) =>
      outcomes.map((outcome) =>
        outcome.kind === "sync" ? syncOutcome(rows, outcome, time) : checksumOutcome(rows, outcome, time),
      ),
    )
  }

  commitStaged(id: BlobId, time: number): Promise<boolean> {
    return this.#commit(GROWS, (rows) => stage(rows, id, time))
  }

  commitCorrupt(id: BlobId, detail: JsonObject, time: number): Promise<void> {
    return this.#commit(FREES, (rows) => corrupt(rows, id, detail, time))
  }

  commitDrift(fact: DriftFact): Promise<void> {
    return this.#commit(FREES, (rows) => drift(rows, fact))
  }

  commitSightings(fact: SightingsFact): Promise<SightingsCommit> {
    return this.#commit(GROWS, (rows) => sightings(rows, fact))
  }

  commitScan(fact: ScanFact): Promise<ScanRecord> {
    return this.#commit(GROWS, (rows) => stepScan(rows, fact))
  }

  commitLooks(backend: string, keys: readonly string[], asked?: Actor & { time: number }): Promise<void> {
    return this.#commit(GROWS, (rows) => askForLooks(rows, backend, keys, asked))
  }

  commitReads(reads: ReadonlyMap<BlobId, number>): Promise<void> {
    return this.#commit(GROWS, (rows) => recordReads(rows, reads))
  }

  commitRetry(filter: RetryFilter): Promise<number> {
    return this.#commit(FREES, (rows) => retryParked(rows, filter))
  }

  commitBackend(record: BackendRecord, actor: Actor): Promise<void> {
    return this.#commit(GROWS, (rows) => addBackend(rows, record, actor))
  }

  commitSignedUrlRevocation(fact: SignedUrlRevocationFact): Promise<number> {
    return this.#commit(FREES, (rows) => revokeSignedUrls(rows, fact))
  }

  commitIdentity(fact: IdentityFact): Promise<boolean> {
    return this.#commit(GROWS, (rows) => identifyBackend(rows, fact))
  }

  commitPause(fact: PauseFact): Promise<boolean> {
    return this.#commit(FREES, (rows) => pauseBackend(rows, fact))
  }

  commitConfiguration(record: ConfigurationRecord, backends: BackendRecord[]): Promise<void> {
    return this.#commit(GROWS, (rows) => keepConfiguration(rows, record, backends))
  }

  commitBackendRemoval(
    name: string,
    options: { limit: number; time: number; forced?: boolean } & Actor,
  ): Promise<{ removed: number; done: boolean }> {
    return this.#commit(FREES, (rows) => removeBackend(rows, name, options))
  }

  commitEvict(id: BlobId, options: { forced?: boolean } & Actor = {}): Promise<boolean> {
    return this.#commit(FREES, (rows) => evict(rows, id, this.#clock.now(), options))
  }

  isRepeated(name: string, time: number): boolean {
    const kept = this.#engine.get("requests", name)
    return kept !== null && kept.time > time - KEPT_FOR
  }

  object(key: string): ObjectRecord | null {
    const row = this.#engine.get("objects", key)
    return row && publicObject(row)
  }

  blob(id: BlobId): BlobRecord | null {
    const row = this.#engine.get("blobs", id)
    return row && publicBlob(row)
  }

  location(backend: string, key: string): LocationRecord | null {
    const row = this.#engine.get("locations", locationKey(backend, key))
    return row && publicLocation(row)
  }

  findByChecksum(algorithm: ChecksumAlgorithm, hex: string): BlobId | null {
    return read.findByChecksum(this.#engine, algorithm, hex)
  }

  objects(page: Page = {}): Iterable<ObjectRecord> {
    return read.objects(this.#engine, page)
  }

  keysOf(id: BlobId, page: Page = {}): Iterable<string> {
    return read.keysOf(this.#engine, id, page)
  }

  locationsOf(id: BlobId, page: { after?: [string, string]; limit?: number } = {}): Iterable<LocationRecord> {
    return read.locationsOf(this.#engine, id, page)
  }

  locations(backend: string, page: Page = {}): Iterable<LocationRecord> {
    return read.locations(this.#engine, backend, page)
  }

  blobs(page: { after?: BlobId; limit?: number } = {}): Iterable<BlobRecord> {
    return read.blobs(this.#engine, page)
  }

  backends(): BackendRecord[] {
    return read.backends(this.#engine)
  }

  scan(backend: string): ScanRecord {
    return { ...neverScanned(backend), ...this.#engine.get("scans", backend) }
  }

  looks(backend: string, page: { after?: string; limit?: number } = {}): Iterable<string> {
    return read.looks(this.#engine, backend, page)
  }

  signedUrlEpoch(): number {
    return signedUrlEpoch(this.#engine)
  }

  configuration(): ConfigurationRecord | null {
    return this.#engine.get("configuration", CONFIGURATION_KEY)
  }

  due(queue: string, options: { now: number; limit: number }): OutboxRecord[] {
    return read.due(this.#engine, queue, options)
  }

  nextDue(queue: string): number | null {
    return read.nextDue(this.#engine, queue)
  }

  queues(): { queue: string; due: number; parked: number; oldest: number | null }[] {
    return read.queues(this.#engine)
  }

  outbox(page: read.OutboxPage = {}): Iterable<OutboxRecord> {
    return read.outbox(this.#engine, page)
  }

  jobOf(subject: { backend: string; key: string } | { id: BlobId }): OutboxRecord | null {
    return read.jobOf(this.#engine, subject)
  }

  journal(page: { after: number; limit?: number }): Iterable<JournalRecord> {
    return read.journal(this.#engine, page)
  }

  lastSequence(): number {
    return readTotals(this.#engine).journal
  }

  counters(): CatalogCounters {
    return publicCounters(readTotals(this.#engine))
  }

  async evictable(options: { limit: number; after?: string }): Promise<read.EvictablePage> {
    return read.evictable(this.#engine, options)
  }

  usage(): { bytes: number; entries: number; pinnedBytes: number; pinnedEntries: number } {
    return publicUsage(readTotals(this.#engine))
  }

  verify(): AsyncIterable<CatalogFault> {
    return verifyRows(this.#engine)
  }

  mend(time: number): Promise<number> {
    return mendRows(this.#engine, time, (steps) => this.#commit(FREES, steps))
  }

  #commit<Result>(options: { frees: boolean }, transition: (rows: Rows) => Result): Promise<Result> {
    return this.#queue ? this.#queue.commit(transition, options) : Promise.reject(closed())
  }
}

function closed(): StoredError {
  return new StoredError("CLOSED", "The catalog is not open.")
}
