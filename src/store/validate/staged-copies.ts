/** What is staged. Bad content is put aside as whoever reads it would do (`suspect.ts`), and fetched again where a copy is proven. */

import type { ValidatedFact } from "../../catalog/validation.ts"
import type { ValidationCounts } from "../../catalog/validation-record.ts"
import { type BlobId, splitBlobId } from "../../core/blob-id.ts"
import { throwIfAborted, toStoredError } from "../../core/error.ts"
import { restage } from "../content.ts"
import { suspect } from "../suspect.ts"
import { inLanes } from "./in-lanes.ts"
import type { Copies, Copy, ReadOptions, ValidateParts } from "./place.ts"
import { readStream } from "./read-stream.ts"

const AT_ONCE = 2
/** bytes from which on content is read piece by piece where there is a limit */
const LARGE = 4 * 2 ** 20

type Counts = Pick<
  ValidationCounts,
  "copies" | "bytes" | "good" | "corrupt" | "missing" | "passed" | "kept" | "healing"
>

export class StagedCopies implements Copies {
  readonly #parts: ValidateParts

  constructor(parts: ValidateParts) {
    this.#parts = parts
  }

  page({ after, limit }: Parameters<Copies["page"]>[0]): { key: string; copy: Copy | null }[] {
    const { catalog } = this.#parts.services
    const page = { limit, ...(after !== undefined && { after: after as BlobId }) }
    return Array.from(catalog.blobs(page), ({ id, size, staged }) => ({
      key: id,
      copy: staged ? { key: id, size } : null,
    }))
  }

  async read(copies: readonly Copy[], options: ReadOptions): Promise<Pick<ValidatedFact, "counts">> {
    const counts = { copies: 0, bytes: 0, good: 0, corrupt: 0, missing: 0, passed: 0, kept: 0, healing: 0 }
    await inLanes(copies, AT_ONCE, (copy) => this.#look(copy, counts, options))
    return { counts }
  }

  async #look({ key, size }: Copy, counts: Counts, options: ReadOptions): Promise<void> {
    const id = key as BlobId
    counts.copies += 1
    const { services } = this.#parts
    if (await this.#isGood(id, size, counts, options)) {
      counts.good += 1
      return
    }
    const isStaged = services.catalog.blob(id)?.staged ?? false
    const found = isStaged ? await suspect(services, id) : "good"
    if (found === "good") {
      // Evicted, or put anew, while it was read.
      counts.passed += 1
      return
    }
    counts[found] += 1
    if (found === "corrupt") counts.kept += 1
    if (await this.#fetchAgain(id, options.signal)) counts.healing += 1
  }

  async #isGood(id: BlobId, size: number, counts: Counts, options: ReadOptions): Promise<boolean> {
    const { services, hashFiles } = this.#parts
    const { budget, signal } = options
    const source = await services.staging.source(id, size)
    if (!source) return false
    const { algorithm, hex } = splitBlobId(id)
    if (source.path === undefined || (size >= LARGE && !budget.isFree)) {
      const hasher = services.hashers.create(algorithm)
      // What fails here is looked at once more by whoever puts it aside.
      const read = await readStream(source.read(), hasher, options).catch(() => throwIfAborted(signal))
      counts.bytes += read ?? 0
      return read === size && hasher.digest() === hex
    }
    await budget.take(size, signal)
    const [answer] = await hashFiles({ paths: [source.path], algorithms: [algorithm] }, signal)
    if (answer?.type !== "hashed") return false
    counts.bytes += answer.state.size
    return answer.checksums[algorithm] === hex
  }

  async #fetchAgain(id: BlobId, signal: AbortSignal): Promise<boolean> {
    const { services } = this.#parts
    if ((services.catalog.blob(id)?.synced ?? 0) === 0) return false
    try {
      await restage(services, id, signal)
      return true
    } catch (error) {
      throwIfAborted(signal)
      services.log.warn({ id, error: toStoredError(error).toJSON() }, "no copy could mend staged bytes")
      return false
    }
  }
}
