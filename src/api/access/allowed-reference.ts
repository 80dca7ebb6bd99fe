/** What may be read by its checksum: content that an object within the token's prefixes names. Anything else is as absent as what was never put. */
import type { Access } from "../../core/access.ts"
import { authorise, forbidden } from "../../core/access.ts"
import { isBlobId, parseChecksumReference } from "../../core/blob-id.ts"
import { NotFoundError } from "../../core/error.ts"
import type { Store } from "../../store/store.ts"

type Names = Pick<Store, "namedWithin">

/**
 * The name by which the facts of a reference may be told: itself, or, where it is a checksum and the token may touch a part of the keys only, an own key of that content, because a
 * blob's record tells of everybody's places.
 * @throws StoredError NOT_FOUND, FORBIDDEN, INVALID_KEY
 */
export function readableName(store: Names, access: Access, reference: string): string {
  if (parseChecksumReference(reference) === null && !isBlobId(reference)) {
    authorise(access, { scope: "read", keys: [reference] })
    return reference
  }
  authorise(access, { scope: "read" })
  if (access.prefixes === null) return reference
  const key = store.namedWithin(reference, access.prefixes)
  if (key !== null) return key
  throw new NotFoundError(`There is no "${reference}" here.`)
}

/** What goes by content goes for everybody: only for whoever may touch every key. @throws StoredError FORBIDDEN */
export function requireWholeStore(access: Access, what: string): void {
  if (access.prefixes === null) return
  throw forbidden(`${what}, and the token may touch a part of the keys only; name a key.`)
}
