/**
 * What whoever comes with a signed address gets, and no more: one object to read, or to write. The signature is looked at before anything else, and of a put once more right
 * before it is committed.
 */
import type { FastifyReply, FastifyRequest } from "fastify"
import * as z from "zod"
import { parseChecksumReference } from "../core/blob-id.ts"
import { ConflictError, StoredError } from "../core/error.ts"
import type { Metadata, PutResult } from "../core/metadata.ts"
import type { SignedGrant } from "../store/store.ts"
import { fileName, opensInPlace } from "./blob-headers.ts"
import { clientSignal } from "./client-signal.ts"
import { entityTag } from "./condition.ts"
import { mergeChecksums } from "./digest.ts"
import { pathName } from "./path-name.ts"
import { putHeaders } from "./put-headers.ts"
import { describeBlob, type ReadQuery, requireMetadata, type ServeOptions, serveBlob } from "./serve-blob.ts"
import type { ApiServices } from "./services.ts"
import { declaredSize, uploadBody } from "./upload-body.ts"

export const SIGNED_PATH = "/v1/signed/"

/** What is asked for when an address is to be signed; what is wrong with values is the store's to say. */
export const signedUrlBody = z.strictObject({
  name: z.string(),
  method: z.enum(["GET", "PUT"]).optional(),
  expires: z.int().optional(),
  maxSize: z.int().optional(),
  contentHash: z.string().optional(),
  ifAbsent: z.boolean().optional(),
  download: z.union([z.string(), z.boolean()]).optional(),
  base: z.string().optional(),
})

/** Answers GET. @throws StoredError FORBIDDEN, CONFLICT where it is of other content, and what `serveBlob` throws */
export async function serveSigned(
  services: ApiServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const grant = await grantOf(services, request)
  const address = await redirection(services, grant, reply)
  if (address !== null) return redirect(reply, address)
  const { query, ...options } = servedAs(grant)
  return serveBlob({ services, request, reply, query }, grant.name, options)
}

/** Answers HEAD; from here always, as an address for GET is none for HEAD elsewhere. @throws as `serveSigned` */
export async function describeSigned(
  services: ApiServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const grant = await grantOf(services, request)
  const { query, ...options } = servedAs(grant)
  return describeBlob({ services, request, reply, query }, grant.name, options)
}

/** Answers PUT: 201 where the key is new, else 200. @throws StoredError FORBIDDEN, TOO_LARGE, CHECKSUM_MISMATCH, CONFLICT, … */
export async function receiveSigned(
  services: ApiServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { store, limits } = services
  const grant = await grantOf(services, request)
  const most = Math.min(limits.maxBlobSize ?? Number.POSITIVE_INFINITY, grant.maxSize ?? Number.POSITIVE_INFINITY)
  const bounds = { ...limits, maxBlobSize: Number.isFinite(most) ? most : null }
  const size = declaredSize(request.raw, bounds)
  const { mimeType, checksums } = uploaderHeaders(request)
  const over = new AbortController()
  const timer = setTimeout(() => end(over, services, grant), Math.max(0, grant.expires - Date.now()))
  const body = uploadBody(request.raw, bounds)
  try {
    const result = await store.put(body, {
      key: grant.name,
      ...(mimeType !== undefined && { mimeType }),
      ...(size !== undefined && { size }),
      checksums: mergeChecksums([
        checksums ?? {},
        ...(grant.contentHash === null ? [] : [asChecksums(grant.contentHash)]),
      ]),
      ifAbsent: grant.ifAbsent,
      beforeCommit: () => store.requireUnexpired(grant),
      signal: AbortSignal.any([clientSignal(reply.raw), over.signal]),
      principal: "signed-url",
      requestId: request.id,
    })
    return answer(reply, result)
  } finally {
    clearTimeout(timer)
    body.destroy()
  }
}

function grantOf({ store }: ApiServices, request: FastifyRequest): Promise<SignedGrant> {
  const name = pathName(request.raw.url ?? "", SIGNED_PATH)
  return store.checkSignedUrl({ method: request.method, name, query: request.query })
}

function servedAs(grant: SignedGrant): ServeOptions & { query: ReadQuery } {
  return {
    immutable: false,
    query: grant.download === null ? {} : { download: grant.download },
    check: (metadata) => requireContent(metadata, grant),
  }
}

/** @throws StoredError CONFLICT */
function requireContent({ checksums }: Metadata, { name, contentHash }: SignedGrant): void {
  if (contentHash === null) return
  const [algorithm, hex] = Object.entries(asChecksums(contentHash))[0]!
  if (checksums[algorithm as keyof typeof checksums] === hex) return
  throw new ConflictError(`"${name}" has other content than this address was made for; ask for a new one.`)
}

async function redirection({ store }: ApiServices, grant: SignedGrant, reply: FastifyReply): Promise<string | null> {
  const metadata = await requireMetadata({ store }, grant.name)
  const { mimeType } = metadata
  const isShown = grant.download === null && opensInPlace(mimeType)
  const address = await store.redirectSigned(grant, {
    mimeType,
    ...(!isShown && { fileName: grant.download || fileName(metadata) }),
    signal: clientSignal(reply.raw),
  })
  if (address === null) return null
  reply.header("x-stored-served-from", address.backend)
  return address.url
}

function redirect(reply: FastifyReply, url: string): FastifyReply {
  return reply
    .code(302)
    .headers({ location: url, "cache-control": "private, no-store", "referrer-policy": "no-referrer" })
    .send()
}

/** An uploader says what it sends; where copies go, and what is kept beside, is not for it to say. @throws StoredError INVALID_INPUT */
function uploaderHeaders({ headers }: FastifyRequest) {
  const odd = ["backends", "durability", "wait", "metadata", "if-version"].find((name) => headers[`x-stored-${name}`])
  if (odd === undefined && headers["if-match"] === undefined && headers["if-none-match"] === undefined)
    return putHeaders(headers)
  throw new StoredError(
    "INVALID_INPUT",
    `${odd === undefined ? "Conditions" : `X-Stored-${odd}`} cannot come with a signed address; leave them out.`,
  )
}

function asChecksums(contentHash: string): Record<string, string> {
  const parsed = parseChecksumReference(contentHash)
  return parsed ? { [parsed.algorithm]: parsed.hex } : {}
}

/** The upload is cut where its time is over: it would be refused at its end all the same. */
function end(over: AbortController, { store }: ApiServices, grant: SignedGrant): void {
  try {
    store.requireUnexpired(grant)
  } catch (error) {
    over.abort(error)
  }
}

/** What is known of copies and of what was there is nothing for whoever has no token. */
function answer(reply: FastifyReply, result: PutResult): FastifyReply {
  const { key, id, size, isNew } = result
  return reply
    .code(isNew ? 201 : 200)
    .header("etag", entityTag(result))
    .send({ key, id, size })
}
