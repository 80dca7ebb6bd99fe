/** What a server can do, found out once by `probe.ts`, kept as plain JSON and obeyed by everything that talks to it. */
import * as z from "zod"
import type { JsonObject } from "../../core/json.ts"

const abilitiesSchema = z.object({
  version: z.literal(1),
  /** UTC ms of finding it out; those of before do not know */
  probed: z.number().optional(),
  /** `md5`: the ETag of an object sent in one request is the MD5 of its bytes; `opaque`: it proves nothing */
  etag: z.enum(["md5", "opaque"]),
  /** the same of objects sent in parts */
  partsEtag: z.enum(["md5", "opaque"]),
  /** whether a declared SHA-256 is compared with the bytes, kept and told again */
  sha256: z.boolean(),
  /** whether a write can be bound to there being nothing */
  ifAbsent: z.boolean(),
  /** how an ETag is written to which a write is bound; null where that cannot be done */
  ifMatch: z.enum(["bare", "quoted"]).nullable(),
  /** whether the end of an upload in parts can be bound too */
  partsCondition: z.boolean(),
  /** whether objects are copied within the bucket, and whether such a write can be bound to what was there before; those of before do not know */
  copies: z.enum(["bound", "unbound", "no"]).default("no"),
  /** whether listings are ordered by the bytes of the keys and can begin after any key */
  ordered: z.boolean(),
  /** whether overwritten and deleted objects stay as old versions; null where these credentials may not ask */
  versioning: z.enum(["on", "suspended", "off"]).nullable(),
})

export type S3Abilities = z.output<typeof abilitiesSchema>

/** Nothing is known: nothing is trusted and nothing special asked for. Listings are checked as they come. */
export const UNKNOWN_ABILITIES: S3Abilities = {
  version: 1,
  etag: "opaque",
  partsEtag: "opaque",
  sha256: false,
  ifAbsent: false,
  ifMatch: null,
  partsCondition: false,
  copies: "no",
  ordered: true,
  versioning: null,
}

/** Abilities that were kept; null where there are none, or they are of another version and must be asked again. */
export function keptAbilities(kept: JsonObject | undefined): S3Abilities | null {
  return abilitiesSchema.safeParse(kept).data ?? null
}
