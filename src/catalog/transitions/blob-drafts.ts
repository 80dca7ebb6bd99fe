/**
 * The blobs that one commit touches, as drafts: its steps add to references, wanted and proven counts in any order, and `settle` writes each
 * row once, with what follows from it. So with the objects whose state follows from their copies.
 */
import type { BlobId } from "../../core/blob-id.ts"
import { StoredError } from "../../core/error.ts"
import type { Rows } from "../rows/rows.ts"
import type { BlobRow } from "../rows/tables.ts"
import { isLost, saveBlob } from "./blob.ts"
import { markObjects } from "./mark-objects.ts"

export class BlobDrafts {
  readonly #rows: Rows
  readonly #touched = new Set<string>()
  readonly #drafts = new Map<BlobId, { before: BlobRow | null; after: BlobRow }>()

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /** The draft of a blob that an object names or a location wants. @throws StoredError CATALOG_CORRUPT where it has no row */
  of(id: BlobId): BlobRow {
    const draft = this.find(id)
    if (draft) return draft
    throw new StoredError(
      "CATALOG_CORRUPT",
      `The catalog has no row for ${id}, which is named or wanted; run "stored doctor".`,
      {
        details: { id },
      },
    )
  }

  /** The draft of a blob, null where it has no row. */
  find(id: BlobId): BlobRow | null {
    const known = this.#drafts.get(id)
    if (known) return known.after
    const before = this.#rows.get("blobs", id)
    return before && this.#begin(before, before)
  }

  create(blob: BlobRow): BlobRow {
    return this.#begin(null, blob)
  }

  /** The state of an object may be another one now. */
  touch(objectKey: string): void {
    this.#touched.add(objectKey)
  }

  /** Writes every draft, and the state of what was touched. @param time UTC ms */
  settle(time: number): void {
    // First: what a blob's row says of all its objects does not end the doubt about one.
    markObjects(this.#rows, this.#touched, (id) => this.#isLost(id))
    this.#touched.clear()
    for (const { before, after } of this.#drafts.values()) saveBlob(this.#rows, before, { ...after, modified: time })
    this.#drafts.clear()
  }

  #isLost(id: BlobId): boolean {
    const draft = this.#drafts.get(id)
    return draft ? isLost(draft.after) : this.#rows.get("blobs", id)?.missing === true
  }

  #begin(before: BlobRow | null, from: BlobRow): BlobRow {
    const after = { ...from }
    this.#drafts.set(from.id, { before, after })
    return after
  }
}
