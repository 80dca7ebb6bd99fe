/**
 * Content that was listed and never read (R12): no hash can prove it. It is what was listed where the backend shows it in the same state before and after it was
 * read. Then its hash is known, and so is its id from then on.
 */
import type { StorageBackend } from "../backends/backend.ts"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { blobId } from "../core/blob-id.ts"
import type { IdAlgorithm } from "../core/checksum.ts"
import { toStoredError } from "../core/error.ts"
import { isSameState, type SeenState, seenState } from "../core/seen-state.ts"
import { drifted } from "./drifted.ts"
import { commitSightings } from "./scan/tell.ts"
import type { StoreServices } from "./services.ts"

export class UnreadContent {
  readonly #services: StoreServices
  readonly #blob: BlobRecord
  readonly #location: LocationRecord
  #asOf = 0

  constructor(services: StoreServices, blob: BlobRecord, location: LocationRecord) {
    this.#services = services
    this.#blob = blob
    this.#location = location
  }

  /** What its id is made of. */
  get algorithm(): IdAlgorithm {
    return this.#services.config.checksums[0] as IdAlgorithm
  }

  /** The open backend, which shows what was listed. To be called before it is read. @throws StoredError */
  async begin(signal: AbortSignal | undefined): Promise<StorageBackend> {
    const { backends, catalog } = this.#services
    const backend = await backends.opened(this.#location.backend)
    this.#asOf = catalog.lastSequence()
    await this.#requireSame(backend, signal)
    return backend
  }

  /** All of it was read, and has this hash: it gets its id. @throws StoredError where the backend shows something else by now */
  async end(hex: string, signal: AbortSignal | undefined): Promise<void> {
    const { backend: name, key, generation } = this.#location
    const seen = await this.#requireSame(await this.#services.backends.opened(name), signal)
    const { algorithm } = this
    const id = blobId(algorithm, hex)
    const found = { ...seenState(seen), id, checksums: { [algorithm]: hex }, mimeType: this.#blob.mimeType }
    const sightings = [{ key, generation, found }]
    // The reader has the bytes in any case.
    await commitSightings(this.#services, {
      backend: name,
      asOf: this.#asOf,
      sightings,
      prefix: "",
      hash: false,
    }).catch((error: unknown) => {
      const fault = toStoredError(error).toJSON()
      this.#services.log.warn({ id: this.#blob.id, error: fault }, "the id of what was read could not be kept")
    })
  }

  async #requireSame(backend: StorageBackend, signal: AbortSignal | undefined): Promise<SeenState> {
    const { key, seen: known } = this.#location
    const seen = await backend.stat(key, { ...(signal && { signal }) })
    if (seen && known && isSameState(known, seen)) return seen
    throw await drifted(this.#services, this.#blob, this.#location, seen ? "corrupt" : "missing")
  }
}
