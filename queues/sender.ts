/**
 * Sends pointers of due rows through the transport, and knows which rows are out. That is written nowhere else: a transport that forgets everything
 * and a server that starts again come to the same, what is still due is sent again.
 */
import type { Catalog } from "../src/catalog/catalog.ts"
import type { OutboxRecord } from "../src/catalog/record.ts"
import type { Clock } from "../src/core/clock.ts"
import { type StoredError, toStoredError } from "../src/core/error.ts"
import type { Breaker } from "./breaker.ts"
import type { Claim } from "./claims.ts"
import type { Gate } from "./gate.ts"
import { parcelOf, Turns } from "./parcel.ts"
import { subjectOf } from "./subject.ts"
import type { Transport } from "./transport.ts"

/** A row that is out. */
export interface Sent {
  row: OutboxRecord
  parcel: string
  /** UTC ms */
  at: number
  claim: Claim | null
}

export interface SenderOptions {
  queue: string
  breaker: Breaker
  gate: Gate
  catalog: Pick<Catalog, "due">
  transport: Transport
  clock: Clock
  /** ms after which a row that is out is asked for at the transport */
  askAfter: number
  /** whether whoever claimed it lives */
  isHeld(claim: Claim): boolean
  /** a claimed row is given back, because its claim ended with its worker and its parcel */
  released(sent: Sent): void
  /** nothing more can be sent now */
  paused(): void
  disturbed(error: StoredError): void
}

/** Rows that are out at a time: enough for every worker, little enough to send anew in a moment. */
const WINDOW = 2_000
/** More are sent once so few are left: to find new ones, those that are out must be passed over. */
const REFILL_AT = 1_000
/**
 * With so many out nobody waits for one more: what is nudged meanwhile is looked for together, after a pause of a ms for every few that are out. A look
 * passes over all of them, and puts nudge for every row.
 */
const BUSY_FROM = 64
const OUT_PER_MS = 5
/** ms after which a busy sender looks for rows that are due by themselves */
const BUSY_SLEEP = 1_000
/** Rows in one message to the transport. */
const BATCH = 250
/** ms without a new message after the transport or the catalog failed */
const HOLD_OFF = 1_000
const LONGEST_SLEEP = 3_600_000

export class Sender {
  readonly #options: SenderOptions
  readonly #sent = new Map<string, Sent>()
  readonly #turns = new Turns()
  readonly #endReady: () => void
  #sending = false
  #looking = false
  #pumpQueued = false
  #closing = false
  #timer: NodeJS.Timeout | null = null
  /** until its timer ends, after the transport or the catalog failed */
  #isHeldOff = false
  /** whether the transport gives out what it is sent */
  #isPrepared = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#endReady = options.transport.onReady(() => this.#renew())
    if (options.transport.isReady) this.#renew()
  }

  get(subject: string): Sent | undefined {
    return this.#sent.get(subject)
  }

  nudge(): void {
    if (this.#pumpQueued || this.#closing) return
    this.#pumpQueued = true
    const pump = (): void => {
      this.#pumpQueued = false
      void this.#pump()
    }
    if (this.#sent.size < BUSY_FROM) setImmediate(pump)
    else setTimeout(pump, this.#sent.size / OUT_PER_MS)
  }

  /** The row is no longer out; if it is still due, it goes out again. */
  forget(sent: Sent): void {
    const subject = subjectOf(sent.row.payload)
    if (this.#sent.get(subject) === sent) this.#sent.delete(subject)
  }

  /** Sends nothing more. What is out stays out. */
  stop(): void {
    this.#closing = true
    this.#endReady()
    if (this.#timer) clearTimeout(this.#timer)
  }

  /** Asks the transport for what has been out for a while, and sends again what it has lost. Never throws. */
  async look(): Promise<void> {
    const { askAfter, clock, isHeld, queue, released, transport } = this.#options
    if (this.#looking || this.#closing || !transport.isReady) return
    this.#looking = true
    try {
      const asked = [...this.#sent.values()].filter(
        ({ at, claim }) => clock.now() - at >= askAfter && !(claim && isHeld(claim)),
      )
      // It may have forgotten that too, and nobody would notice.
      this.#isPrepared = false
      const parcels = asked.map(({ parcel }) => parcel)
      const missing = new Set(parcels.length === 0 ? [] : await transport.missing(queue, parcels))
      for (const sent of asked) {
        if (!missing.has(sent.parcel) || this.#sent.get(subjectOf(sent.row.payload)) !== sent) continue
        this.forget(sent)
        released(sent)
      }
      this.nudge()
    } catch (thrown) {
      this.#holdOff(thrown)
    } finally {
      this.#looking = false
    }
  }

  async #pump(): Promise<void> {
    const { paused, queue, transport } = this.#options
    if (this.#sending || this.#closing || !transport.isReady || this.#isHeldOff) return
    this.#sending = true
    try {
      if (!this.#isPrepared) await transport.prepare(queue)
      this.#isPrepared = true
      for (let batch = this.#next(); batch.length > 0; batch = this.#next()) await this.#send(batch)
      this.#sleep()
      paused()
    } catch (thrown) {
      this.#holdOff(thrown)
    } finally {
      this.#sending = false
    }
  }

  /** Due rows that are not out, as many as may be sent now. */
  #next(): OutboxRecord[] {
    if (this.#closing || this.#sent.size > REFILL_AT) return []
    const { breaker, gate } = this.#options
    const now = this.#options.clock.now()
    const ahead = this.#ahead()
    const admitted = gate.admit(BATCH + ahead, now)
    // A probe is one job, from the moment it is sent.
    const room = admitted - (breaker.state === "half-open" ? this.#sent.size : ahead)
    const wanted = Math.min(room, BATCH, WINDOW - this.#sent.size)
    if (wanted <= 0) return []
    const due = this.#options.catalog.due(this.#options.queue, { now, limit: this.#sent.size + wanted })
    return due.filter((row) => !this.#sent.has(subjectOf(row.payload))).slice(0, wanted)
  }

  async #send(rows: OutboxRecord[]): Promise<void> {
    const parcels = rows.map((row) => parcelOf(row.payload, this.#turns))
    const at = this.#options.clock.now()
    for (const [index, row] of rows.entries())
      this.#sent.set(subjectOf(row.payload), { row, parcel: parcels[index]!.id, at, claim: null })
    try {
      await this.#options.transport.send(this.#options.queue, parcels)
    } catch (thrown) {
      // Some may have gone through; whoever claims one of these finds nothing, and it is sent again.
      for (const row of rows) {
        const sent = this.#sent.get(subjectOf(row.payload))
        if (sent && !sent.claim) this.#sent.delete(subjectOf(row.payload))
      }
      throw thrown
    }
  }

  /** The transport has come (back): it may know nothing. */
  #renew(): void {
    this.#isPrepared = false
    this.nudge()
  }

  #holdOff(thrown: unknown): void {
    if (this.#closing) return
    const error = toStoredError(thrown)
    this.#isHeldOff = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#isHeldOff = false
      this.nudge()
    }, HOLD_OFF)
    this.#options.disturbed(error)
  }

  /** Under a rate limit: rows that are out and will take their share of it once they are claimed. */
  #ahead(): number {
    if (!this.#options.gate.isLimited) return 0
    let count = 0
    for (const { claim } of this.#sent.values()) if (!claim) count += 1
    return count
  }

  /** Sleeps until a row that is not out is due, and the gate opens for it. */
  #sleep(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#closing || this.#sent.size > REFILL_AT) return
    // Whoever ends the probe wakes the rest.
    if (this.#options.breaker.state === "half-open" && this.#sent.size > 0) return
    if (this.#sent.size >= BUSY_FROM) {
      this.#timer = setTimeout(() => this.nudge(), BUSY_SLEEP)
      return
    }
    const limit = this.#sent.size + 1
    const rows = this.#options.catalog.due(this.#options.queue, { now: Number.MAX_SAFE_INTEGER, limit })
    const next = rows.find((row) => !this.#sent.has(subjectOf(row.payload)))
    if (!next) return
    const now = this.#options.clock.now()
    const wakeAt = Math.max(next.dueAt, this.#options.gate.opensAt(this.#ahead() + 1, now))
    // Whoever resumes a paused backend nudges, and so does every claim's end.
    if (!Number.isFinite(wakeAt)) return
    const delay = wakeAt - now
    this.#timer = setTimeout(() => this.nudge(), Math.min(Math.max(delay, 1), LONGEST_SLEEP))
  }
}
