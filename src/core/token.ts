/**
 * Bearer tokens, `id.secret`. The id is public: it stands in the journal and in lists. The secret is 256 bits from the system's generator and is known to its bearer
 * alone; what is kept is its SHA-256, which needs no salt and no slowness: nobody guesses 256 bits.
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto"

const ID_BYTES = 6
const SECRET_BYTES = 32
const FORM = /^([0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/

/** Two are compared every time: the secret of now, and the one before it while a rotation overlaps. */
const COMPARED = 2
/** The digest of no secret. */
const NOBODY = "0".repeat(64)

export function makeTokenId(): string {
  return randomBytes(ID_BYTES).toString("hex")
}

export function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url")
}

/** What its bearer sends. */
export function joinToken(id: string, secret: string): string {
  return `${id}.${secret}`
}

/** Null where it is none that was made here. */
export function splitToken(text: string): { id: string; secret: string } | null {
  const [, id, secret] = FORM.exec(text) ?? []
  return id === undefined || secret === undefined ? null : { id, secret }
}

/** 64 lower-case hex digits. */
export function digestSecret(secret: string): string {
  return hash("sha256", secret, "hex")
}

/** Whether a secret has one of these digests; takes as long whatever they are, and where there is none. */
export function hasDigest(secret: string, digests: readonly string[]): boolean {
  const shown = hash("sha256", secret, "buffer")
  let found = false
  for (let index = 0; index < COMPARED; index += 1) {
    const digest = digests[index]
    const isSame = timingSafeEqual(shown, Buffer.from(digest ?? NOBODY, "hex"))
    found = (isSame && digest !== undefined) || found
  }
  return found
}
