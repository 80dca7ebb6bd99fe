/** `signedUrl`, `revokeSignedUrls`: addresses with which somebody without a token reads or writes one object for a while. */
import { requireChecksumReference } from "../../core/blob-id.ts"
import { StoredError } from "../../core/error.ts"
import { parseKey } from "../../core/key.ts"
import { shown } from "../check-options.ts"
import { requireTarget } from "../reference.ts"
import type { StoreServices } from "../services.ts"
import { type SignedFields, sign, writeQuery } from "./signature.ts"
import type { SignedGrant, SignedUrl, SignedUrlOptions } from "./signed-face.ts"

/** seconds */
export const LONGEST_EXPIRY = 604_800
const EXPIRY = 3_600
const MOST_NAME_BYTES = 255

type Services = Pick<StoreServices, "catalog" | "clock" | "keyRing">

/** @throws StoredError NOT_FOUND, INVALID_INPUT, INVALID_KEY, SECRET_UNAVAILABLE */
export async function signedUrl(
  services: Services,
  idOrKey: string,
  options: SignedUrlOptions = {},
): Promise<SignedUrl> {
  const { catalog, clock, keyRing } = services
  const asked = checkGrant(idOrKey, options, clock.now())
  const grant = {
    ...asked,
    expires: Math.min(asked.expires, endOf(catalog, asked.token)),
    epoch: catalog.signedUrlEpoch(),
  }
  const base = options.base === undefined ? "" : parseBase(options.base)
  if (grant.method === "GET") requireTarget(catalog, idOrKey)
  // A key file that is made now must not stand where one belongs under which secrets are sealed already.
  const key = await keyRing.sealing(catalog.backends().some(({ secrets }) => secrets !== undefined))
  const fields: SignedFields = { ...grant, keyId: key.id }
  const path = grant.name.split("/").map(encodeURIComponent).join("/")
  const url = `${base}/v1/signed/${path}?${writeQuery(fields, sign(key, fields))}`
  return { url, method: grant.method, expires: grant.expires }
}

export async function revokeSignedUrls(
  { catalog, clock }: Services,
  actor: { principal?: string; requestId?: string } = {},
): Promise<void> {
  await catalog.commitSignedUrlRevocation({ time: clock.now(), ...actor })
}

/** The last whole second of a token. @throws StoredError INVALID_INPUT */
function endOf(catalog: Services["catalog"], token: string | null): number {
  if (token === null) return Number.POSITIVE_INFINITY
  const record = catalog.tokens.get(token)
  if (!record) throw invalid("token", "is the id of none; give that of a token, or leave it out")
  return record.expires === null ? Number.POSITIVE_INFINITY : Math.floor(record.expires / 1000) * 1000
}

/** @throws StoredError INVALID_INPUT, INVALID_KEY */
function checkGrant(idOrKey: string, options: SignedUrlOptions, now: number): Omit<SignedGrant, "epoch"> {
  const { method = "GET", expires = EXPIRY, maxSize, contentHash, ifAbsent = false, download = false } = options
  if (method !== "GET" && method !== "PUT") throw invalid("method", `is ${shown(method)}; give GET or PUT`)
  if (!isWithin(expires, 1, LONGEST_EXPIRY))
    throw invalid("expires", `is ${shown(expires)}; give 1 to ${LONGEST_EXPIRY} seconds, which is a week`)
  if (maxSize !== undefined && (method !== "PUT" || !isWithin(maxSize, 0, Number.MAX_SAFE_INTEGER)))
    throw invalid("maxSize", `is ${shown(maxSize)}; give bytes, and only for PUT`)
  if (ifAbsent && method !== "PUT") throw invalid("ifAbsent", "is for PUT only; leave it out")
  if (download !== false && method !== "GET") throw invalid("download", "is for GET only; leave it out")
  return {
    method,
    name: method === "PUT" ? parseKey(idOrKey) : idOrKey,
    // In whole seconds, as the address says it.
    expires: (Math.floor(now / 1000) + expires) * 1000,
    maxSize: maxSize ?? null,
    contentHash: contentHash === undefined ? null : canonical(contentHash),
    ifAbsent,
    download: download === false ? null : download === true ? "" : checkName(download),
    token: options.token ?? null,
  }
}

function canonical(contentHash: string): string {
  const { algorithm, hex } = requireChecksumReference(contentHash)
  return `${algorithm}:${hex}`
}

/** @throws StoredError INVALID_INPUT */
export function checkName(name: string): string {
  const isName = name.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(name)
  if (isName && name !== "" && Buffer.byteLength(name) <= MOST_NAME_BYTES) return name
  throw invalid("download", `is no name for a file; give 1 to ${MOST_NAME_BYTES} bytes without control characters`)
}

function parseBase(base: string): string {
  const url = URL.parse(base)
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password)
    return url.href.replace(/\/$/, "")
  throw invalid("base", `is ${shown(base)}; give the server's address, such as https://files.example`)
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}

function invalid(option: string, fault: string): StoredError {
  return new StoredError("INVALID_INPUT", `${option} ${fault}.`, { details: { option } })
}
