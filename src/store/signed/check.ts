/** Whether an address that somebody came with was signed here, and still holds. */
import { StoredError } from "../../core/error.ts"
import type { StoreServices } from "../services.ts"
import { isSigned, readFields } from "./signature.ts"
import type { SignedDoor, SignedGrant } from "./signed-face.ts"

type Request = Parameters<SignedDoor["checkSignedUrl"]>[0]

/** @throws StoredError FORBIDDEN, SECRET_UNAVAILABLE */
export async function checkSignedUrl(
  { catalog, clock, keyRing, tokens }: Pick<StoreServices, "catalog" | "clock" | "keyRing" | "tokens">,
  { method, name, query }: Request,
): Promise<SignedGrant> {
  const read = readFields(method === "PUT" ? "PUT" : "GET", name, query)
  if (!read) throw refused("is not whole; use it as it was given")
  const { fields, signature } = read
  const key = (await keyRing.keysFor([fields.keyId])).find(({ id }) => id === fields.keyId)
  if (!key || !isSigned(key, fields, signature)) throw refused("was changed, or is for another method or server")
  const { keyId: _, ...grant } = fields
  requireUnexpired({ catalog, clock, tokens }, grant)
  return grant
}

/** @throws StoredError FORBIDDEN */
export function requireUnexpired(
  { catalog, clock, tokens }: Pick<StoreServices, "catalog" | "clock" | "tokens">,
  { epoch, expires, token }: SignedGrant,
): void {
  if (epoch !== catalog.signedUrlEpoch()) throw refused("was revoked; ask for a new one")
  if (token !== null && !tokens.isGood(token))
    throw refused("was made by a token that is good no more; ask for a new one")
  if (clock.now() >= expires) throw refused("has expired; ask for a new one")
}

function refused(fault: string): StoredError {
  return new StoredError("FORBIDDEN", `This address ${fault}.`)
}
