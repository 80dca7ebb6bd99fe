/** What commits give to callers, without what rows keep for themselves. */
import type { DeleteCommit, PutCommit } from "./catalog.ts"
import type { CopyCommit } from "./copy-fact.ts"
import { publicBlob, publicLocation, publicObject } from "./public-record.ts"
import type { CopyResult } from "./transitions/copy.ts"
import type { PutResult } from "./transitions/put.ts"

export function publicPut({ object, blob, locations, ...rest }: PutResult): PutCommit {
  return { object, blob: publicBlob(blob), locations: locations.map(publicLocation), ...rest }
}

export function publicDelete({ object, ...rest }: DeleteCommit): DeleteCommit {
  return { object: object && publicObject(object), ...rest }
}

export function publicCopy({ removed, ...made }: CopyResult): CopyCommit {
  return { ...publicPut(made), removed: removed && publicDelete(removed) }
}
