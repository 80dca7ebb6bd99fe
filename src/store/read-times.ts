/** When blobs were last read, gathered in memory and committed now and then: eviction needs them only roughly. */
import type { Catalog } from "../catalog/catalog.ts"
import type { BlobId } from "../core/blob-id.ts"

const MOST = 10_000

export class ReadTimes {
  #times = new Map<BlobId, number>()
  readonly #catalog: Pick<Catalog, "commitReads">

  constructor(catalog: Pick<Catalog, "commitReads">) {
    this.#catalog = catalog
  }

  note(id: BlobId, time: number): void {
    if (this.#times.size < MOST || this.#times.has(id)) this.#times.set(id, time)
  }

  async flush(): Promise<void> {
    if (this.#times.size === 0) return
    const times = this.#times
    this.#times = new Map()
    await this.#catalog.commitReads(times)
  }
}
