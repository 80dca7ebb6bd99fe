/** The life of an object for whoever may know of a part of the keys or of some backends only. */
import type { Access } from "../../core/access.ts"
import type { Why } from "../../store/store.ts"
import { mayReadRecord } from "./allowed-facts.ts"

export function allowedWhy(access: Access, why: Why): Why {
  const { object, copies, waits, journal } = why
  const isAllowed = ({ backend }: { backend: string | null }): boolean =>
    backend === null || access.allowsBackend(backend)
  const records = journal.records.filter((record) => mayReadRecord(access, record))
  return {
    ...why,
    object: object && { ...object, locations: object.locations.filter(isAllowed) },
    copies: copies.filter((copy) => isAllowed(copy) && access.allowsKey(copy.objectKey)),
    waits: waits.filter(isAllowed),
    journal: { ...journal, records },
  }
}
