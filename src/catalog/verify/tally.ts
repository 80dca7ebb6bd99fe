/** Counts again, from the rows themselves, what the catalog counts as it goes. */
import { coversOf } from "../../core/access-prefix.ts"
import type { OutboxRecord, ScanRecord } from "../record.ts"
import { splitLocationKey } from "../rows/key.ts"
import type { BlobRow, LocationRow, NamespaceRow, QueueRow, TotalsRow } from "../rows/tables.ts"
import { countsOf } from "../transitions/blob.ts"
import { isCounted } from "../transitions/namespaces.ts"
import { NO_TOTALS } from "../transitions/totals.ts"

/** Tables whose rows nothing else speaks of. */
export type Uncrossed = "backends" | "generations" | "requests" | "validations"

export class Tally {
  readonly totals: TotalsRow = { ...NO_TOTALS }
  readonly queues = new Map<string, QueueRow>()
  /** by prefix, as counted again */
  readonly namespaces = new Map<string, NamespaceRow>()
  /** by backend */
  readonly looks = new Map<string, Pick<ScanRecord, "looks" | "lookBytes">>()

  one(name: "objects" | "tombstones" | "tokens" | "namespaces" | Uncrossed): void {
    this.totals[name] += 1
  }

  /** From now on objects are counted for this prefix too. */
  namespace(prefix: string, { countedTo }: NamespaceRow): void {
    this.one("namespaces")
    this.namespaces.set(prefix, { bytes: 0, objects: 0, countedTo })
  }

  object(key: string, size: number): void {
    this.one("objects")
    if (this.namespaces.size === 0) return
    for (const prefix of coversOf(key)) {
      const namespace = this.namespaces.get(prefix)
      if (!namespace || !isCounted(namespace, key)) continue
      namespace.bytes += size
      namespace.objects += 1
    }
  }

  look(row: string, size: number): void {
    const { backend } = splitLocationKey(row)
    const { looks, lookBytes } = this.looks.get(backend) ?? { looks: 0, lookBytes: 0 }
    this.looks.set(backend, { looks: looks + 1, lookBytes: lookBytes + size })
    this.totals.looks += 1
  }

  blob(blob: BlobRow): void {
    const counts = countsOf(blob)
    for (const name in counts) this.totals[name as keyof typeof counts] += counts[name as keyof typeof counts]
  }

  location(location: LocationRow): void {
    this.totals.locations += 1
    if (location.want !== null) this.totals.wanted += 1
  }

  job(row: OutboxRecord): void {
    const queue = this.queues.get(row.queue) ?? { due: 0, parked: 0 }
    queue[row.status] += 1
    this.queues.set(row.queue, queue)
    this.totals.outbox += 1
    if (row.status === "parked") this.totals.parked += 1
  }
}
