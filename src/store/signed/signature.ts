/**
 * The signature of an address: HMAC-SHA-256 over everything that it allows, under a key that is made of the master key for nothing else. Every value is written in one way only, so that no two
 * addresses mean the same, and no two meanings have the same text.
 */
import { createHmac, timingSafeEqual } from "node:crypto"
import * as z from "zod"
import { parseChecksumReference } from "../../core/blob-id.ts"
import type { MasterKey } from "../../core/master-key.ts"
import type { SignedGrant } from "./signed-face.ts"

/** Formats of what is signed. The first one is also that of addresses from before tokens stood in them. */
const OF_NOBODY = 1
const OF_TOKEN = 2

/** What is signed: the grant, and under which key. */
export interface SignedFields extends SignedGrant {
  /** id of the master key */
  keyId: string
}

const whole = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,15})$/)
  .transform(Number)
  .pipe(z.int())
const contentHash = z.string().refine((text) => {
  const parsed = parseChecksumReference(text)
  return parsed !== null && text === `${parsed.algorithm}:${parsed.hex}`
})

const querySchema = z.strictObject({
  /** UTC seconds */
  expires: whole,
  epoch: whole,
  by: z.string().regex(/^[0-9a-f]{16}$/),
  maxSize: whole.optional(),
  contentHash: contentHash.optional(),
  ifAbsent: z.literal("true").optional(),
  download: z.string().optional(),
  /** of a token */
  for: z
    .string()
    .regex(/^[0-9a-f]{12}$/)
    .optional(),
  signature: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
})

/** What an address says, null where it is none of ours. Nothing of it is to be believed before `isSigned`. */
export function readFields(
  method: "GET" | "PUT",
  name: string,
  query: unknown,
): { fields: SignedFields; signature: string } | null {
  const { data } = querySchema.safeParse(query)
  if (!data) return null
  const { expires, epoch, by, ifAbsent, signature } = data
  const { maxSize = null, contentHash: hash = null, download = null, for: token = null } = data
  const grant = { method, name, expires: expires * 1000, maxSize, contentHash: hash, download, epoch, token }
  return { fields: { ...grant, ifAbsent: ifAbsent !== undefined, keyId: by }, signature }
}

/** The other way round. */
export function writeQuery(fields: SignedFields, signature: string): URLSearchParams {
  const { expires, epoch, keyId, maxSize, contentHash: hash, ifAbsent, download, token } = fields
  return new URLSearchParams({
    expires: String(expires / 1000),
    epoch: String(epoch),
    by: keyId,
    ...(maxSize !== null && { maxSize: String(maxSize) }),
    ...(hash !== null && { contentHash: hash }),
    ...(ifAbsent && { ifAbsent: "true" }),
    ...(download !== null && { download }),
    ...(token !== null && { for: token }),
    signature,
  })
}

export function sign(key: MasterKey, fields: SignedFields): string {
  const { method, name, expires, maxSize, contentHash: hash, ifAbsent, download, epoch, keyId, token } = fields
  const allowed = [method, name, expires, maxSize, hash, ifAbsent, download, epoch, keyId]
  const text = JSON.stringify(
    token === null ? ["stored", OF_NOBODY, ...allowed] : ["stored", OF_TOKEN, ...allowed, token],
  )
  return createHmac("sha256", key.signing).update(text).digest("base64url")
}

/** In a time that says nothing about how much of it was right. */
export function isSigned(key: MasterKey, fields: SignedFields, signature: string): boolean {
  const right = Buffer.from(sign(key, fields))
  const given = Buffer.from(signature)
  return given.length === right.length && timingSafeEqual(given, right)
}
