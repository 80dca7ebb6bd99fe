/** The life of an object for whoever may know of a part of the keys or of some backends only. */
import type { Access } from "../../core/access.ts"
import type { Why } from "../../store/store.ts"
import { mayReadRecord } from "./allowed-facts.ts"
import { ownFacts } from "./own-facts.ts"

export function allowedWhy(access: Access, why: Why): Why {
  const { object, copies, waits, journal, checksumJob } = why
  const isAllowed = ({ backend }: { backend: string | null }): boolean =>
    backend === null || access.allowsBackend(backend)
  // What its content waits for, others with the same content may have caused.
  const isShared = access.prefixes !== null
  const records = journal.records.filter((record) => mayReadRecord(access, record))
  return {
    ...why,
    object: object && ownFacts(access, { ...object, locations: object.locations.filter(isAllowed) }),
    copies: copies.filter((copy) => isAllowed(copy) && access.allowsKey(copy.objectKey)),
    checksumJob: isShared ? null : checksumJob,
    waits: waits.filter((wait) => isAllowed(wait) && !(isShared && wait.backend === null)),
    journal: { ...journal, records },
  }
}
