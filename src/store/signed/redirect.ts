/**
 * R17: a provider's own address goes out only for a backend whose setting `signedUrls` says `redirect`, and only for a copy that is proven and lies there as plain bytes.
 * Everything else is served here.
 */
import type { LocationRecord } from "../../catalog/record.ts"
import { toStoredError } from "../../core/error.ts"
import { provenCopies, requireTarget } from "../reference.ts"
import type { StoreServices } from "../services.ts"
import { LONGEST_EXPIRY } from "./make.ts"
import type { SignedDoor, SignedGrant } from "./signed-face.ts"

type How = Parameters<SignedDoor["redirectSigned"]>[1]

/** @throws StoredError NOT_FOUND */
export async function redirectSigned(
  services: StoreServices,
  grant: SignedGrant,
  how: How,
): Promise<{ url: string; backend: string } | null> {
  const { catalog, backends, clock } = services
  // What lies under a key there may become another; here it is compared.
  if (grant.method !== "GET" || grant.contentHash !== null) return null
  const left = Math.min(Math.floor((grant.expires - clock.now()) / 1000), LONGEST_EXPIRY)
  if (left < 1) return null
  const copies = provenCopies(catalog, requireTarget(catalog, grant.name), backends.names())
  for (const copy of copies) {
    const url = await addressOf(services, copy, left, how)
    if (url !== null) return { url, backend: copy.backend }
  }
  return null
}

async function addressOf(
  { backends, log }: StoreServices,
  { backend: name, key }: LocationRecord,
  expiresIn: number,
  { mimeType, fileName, signal }: How,
): Promise<string | null> {
  if (!backends.has(name) || backends.get(name).config.signedUrls !== "redirect") return null
  const options = { expiresIn, mimeType, ...(fileName !== undefined && { fileName }), ...(signal && { signal }) }
  try {
    const backend = await backends.opened(name)
    return (await backend.presign?.("GET", key, options))?.url ?? null
  } catch (error) {
    log.warn({ backend: name, error: toStoredError(error).toJSON() }, "no address could be had; it is served from here")
    return null
  }
}
