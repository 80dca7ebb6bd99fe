/** The copies of a backend: those that are proven, and whose content has an id. */
import type { StorageBackend } from "../../backends/backend.ts"
import type { LocationRecord } from "../../catalog/record.ts"
import type { ValidatedCopy, ValidatedFact } from "../../catalog/validation.ts"
import { type BlobId, isProvisional } from "../../core/blob-id.ts"
import { StoredError } from "../../core/error.ts"
import type { BackendMode } from "../../core/scan-settings.ts"
import type { SeenState } from "../../core/seen-state.ts"
import { isUnreadable } from "../../core/unreadable.ts"
import { keepBad } from "../keep-bad.ts"
import { isSynced } from "../reference.ts"
import { inLanes } from "./in-lanes.ts"
import type { Copies, Copy, ReadOptions, ValidateParts } from "./place.ts"
import { readCopies } from "./read-copies.ts"
import { type CopyRead, verdictOf } from "./verdict.ts"

export interface BackendCopy extends Copy {
  id: BlobId
  generation: number
  seen: SeenState | null
  found: boolean
}

export class BackendCopies implements Copies {
  readonly #parts: ValidateParts
  readonly #name: string
  readonly #mode: BackendMode

  constructor(parts: ValidateParts, name: string, mode: BackendMode) {
    this.#parts = parts
    this.#name = name
    this.#mode = mode
  }

  page({ prefix, after, limit }: Parameters<Copies["page"]>[0]): { key: string; copy: BackendCopy | null }[] {
    const { catalog } = this.#parts.services
    const page = { prefix, limit, ...(after !== undefined && { after }) }
    return Array.from(catalog.locations(this.#name, page), (location) => ({
      key: location.key,
      copy: this.#copyOf(location),
    }))
  }

  #copyOf(location: LocationRecord): BackendCopy | null {
    const { key, want, generation, seen, found = false } = location
    if (!isSynced(location) || isProvisional(want!)) return null
    const size = seen?.size ?? this.#parts.services.catalog.blob(want!)?.size ?? 0
    return { key, size, id: want!, generation, seen, found }
  }

  async read(copies: readonly Copy[], options: ReadOptions): Promise<Pick<ValidatedFact, "copies">> {
    const { services } = this.#parts
    const asked = copies as readonly BackendCopy[]
    const backend = await services.backends.opened(this.#name)
    const reads = await readCopies(this.#parts, backend, asked, options)
    if (reads.some(({ type }) => type === "absent")) await this.#requireThere(backend, options.signal)
    const pairs = asked.map((copy, index) => ({ copy, read: reads[index]! }))
    return { copies: await inLanes(pairs, 1, ({ copy, read }) => this.#judge(backend, copy, read, options)) }
  }

  async #judge(
    backend: StorageBackend,
    copy: BackendCopy,
    read: CopyRead,
    { signal }: ReadOptions,
  ): Promise<ValidatedCopy> {
    const { services } = this.#parts
    const { key, generation } = copy
    const bytes = read.type === "read" ? read.bytes : 0
    const told = { key, generation, bytes }
    const verdict = verdictOf(read, copy, this.#mode)
    if (read.type === "unreadable" && !isUnreadable(read.error))
      services.log.warn({ backend: this.#name, key, error: read.error.toJSON() }, "a copy cannot be read")
    if (verdict.type !== "corrupt") return { ...told, verdict }
    const now = services.catalog.location(this.#name, key)
    // What is written there now is somebody's work.
    if (now?.generation !== generation) return { ...told, verdict: { type: "passed" } }
    services.log.error({ backend: this.#name, key, id: copy.id }, "a copy is not what it should be")
    if (read.type !== "read") return { ...told, verdict }
    const bad = { backend: this.#name, key, id: copy.id, size: verdict.seen.size }
    const kept = await keepBad(services, backend, bad, signal)
    // What cannot be kept is not put right without being asked.
    return { ...told, verdict: { ...verdict, kept: kept ?? null, mend: verdict.mend && kept !== null } }
  }

  /** Nothing is missing that is only out of reach: an empty folder where much should be is a disk that is not there (row 34). */
  async #requireThere(backend: StorageBackend, signal: AbortSignal): Promise<void> {
    await backend.healthCheck({ signal })
    for await (const _ of backend.list({ limit: 1, signal })) return
    throw new StoredError(
      "BACKEND_UNAVAILABLE",
      `Nothing at all lies on backend "${this.#name}", where copies should be: see whether its disk is mounted.`,
      { retryable: true, details: { backend: this.#name } },
    )
  }
}
