/**
 * What whoever comes with a signed address gets, and no more: one object to read, or to write. The signature is looked at before anything else, and of a put once more right
 * before it is committed.
 */
import type { FastifyReply } from "fastify"
import * as z from "zod"
import { parseChecksumReference } from "../core/blob-id.ts"
import { MAX_WAIT } from "../core/config.ts"
import { ConflictError, StoredError } from "../core/error.ts"
import type { Metadata, PutResult } from "../core/metadata.ts"
import { derivedKey } from "../store/running-requests.ts"
import type { SignedGrant } from "../store/store.ts"
import { neighbourhood } from "./access/buckets.ts"
import { addressOf } from "./access/caller.ts"
import { fileName, opensInPlace } from "./blob-headers.ts"
import { clientSignal } from "./client-signal.ts"
import { entityTag } from "./condition.ts"
import { mergeChecksums } from "./digest.ts"
import { onceOptions } from "./idempotency.ts"
import { putHeaders } from "./put-headers.ts"
import type { Call } from "./route.ts"
import { blobId, bytes, utcMs } from "./schemas/pieces.ts"
import { describeBlob, type ReadQuery, requireMetadata, type ServeOptions, serveBlob } from "./serve-blob.ts"
import type { ApiServices } from "./services.ts"
import { sha512Check } from "./sha512-check.ts"
import { declaredSize, uploadBody } from "./upload-body.ts"

type SignedCall = Pick<Call<unknown, unknown>, "services" | "request" | "reply" | "name">

/** What is asked for when an address is to be signed; what is wrong with values is the store's to say. */
export const signedUrlBody = z.strictObject({
  name: z.string().describe("key, or id or checksum to read"),
  method: z.enum(["GET", "PUT"]).optional().describe("default GET"),
  expires: z.int().optional().describe("seconds, at most a week; default 3,600"),
  maxSize: z.int().optional().describe("PUT: bytes, at most"),
  contentHash: z.string().optional().describe("only this content, such as sha256:…"),
  ifAbsent: z.boolean().optional().describe("PUT: refused where the key exists"),
  download: z.union([z.string(), z.boolean()]).optional().describe("GET: saved rather than shown, under this name"),
  base: z.string().optional().describe("of the server; absent: the address begins with a slash"),
})

export const signedUrl = z.object({ url: z.string(), method: z.enum(["GET", "PUT"]), expires: utcMs })

/** What an address says beside its key. Whatever is wrong with it is told as a wrong signature is. */
export const signedQuery = z.looseObject({
  expires: z.unknown().optional().describe("UTC, seconds since 1970"),
  epoch: z.unknown().optional(),
  by: z.unknown().optional(),
  signature: z.unknown().optional(),
})

/** What is told to whoever wrote something. */
export const receipt = z.object({ key: z.string(), id: blobId, size: bytes })

/** Answers GET. @throws StoredError FORBIDDEN, CONFLICT where it is of other content, and what `serveBlob` throws */
export async function serveSigned(call: SignedCall): Promise<FastifyReply> {
  const grant = await admitted(call)
  const address = await redirection(call, grant)
  if (address !== null) return redirect(call.reply, address)
  return serveBlob({ ...call, query: queryFor(grant) }, grant.name, servedAs(grant))
}

/** Answers HEAD; from here always, as an address for GET is none for HEAD elsewhere. @throws as `serveSigned` */
export async function describeSigned(call: SignedCall): Promise<FastifyReply> {
  const grant = await admitted(call)
  return describeBlob({ ...call, query: queryFor(grant) }, grant.name, servedAs(grant))
}

/** Answers PUT: 201 where the key is new, else 200. @throws StoredError FORBIDDEN, TOO_LARGE, CHECKSUM_MISMATCH, CONFLICT, … */
export async function receiveSigned(call: SignedCall): Promise<FastifyReply> {
  const { services, request, reply } = call
  const { store, limits } = services
  const grant = await admitted(call)
  const most = Math.min(limits.maxBlobSize ?? Number.POSITIVE_INFINITY, grant.maxSize ?? Number.POSITIVE_INFINITY)
  const bounds = { ...limits, maxBlobSize: Number.isFinite(most) ? most : null }
  const size = declaredSize(request.raw, bounds)
  const { mimeType, checksums } = uploaderHeaders(request)
  const check = sha512Check(request.headers)
  const once = onceFor(call)
  const over = new AbortController()
  const left = Math.min(Math.max(0, grant.expires - Date.now()), MAX_WAIT)
  const timer = setTimeout(() => end(over, services, grant), left)
  const body = uploadBody(request.raw, bounds)
  try {
    const result = await store.put(check?.watch(body) ?? body, {
      key: grant.name,
      ...(mimeType !== undefined && { mimeType }),
      ...(size !== undefined && { size }),
      checksums: mergeChecksums([
        checksums ?? {},
        ...(grant.contentHash === null ? [] : [asChecksums(grant.contentHash)]),
      ]),
      ifAbsent: grant.ifAbsent,
      beforeCommit: () => {
        check?.require()
        store.requireUnexpired(grant)
      },
      signal: AbortSignal.any([clientSignal(reply.raw), over.signal]),
      ...(grant.token === null
        ? { principal: "signed-url" }
        : { principal: `token:${grant.token}`, token: grant.token }),
      requestId: request.id,
      ...once,
    })
    return answer(reply, result)
  } finally {
    clearTimeout(timer)
    body.destroy()
  }
}

/** Nobody knows who comes with an address: its key is that of the address, so that strangers cannot meet in one. @throws StoredError INVALID_INPUT */
function onceFor({ request, reply, name }: SignedCall): ReturnType<typeof onceOptions> {
  const { idempotencyKey, ...rest } = onceOptions(request, reply)
  if (idempotencyKey === undefined) return {}
  const { signature } = request.query as { signature?: unknown }
  return { idempotencyKey: derivedKey(idempotencyKey, ["signed-url", name, signature]), ...rest }
}

/** What the address allows, once there is room for one request more of whoever it is: the token that signed it, or else an address on the network. @throws StoredError FORBIDDEN, TOO_MANY_REQUESTS */
async function admitted({ services, request, reply, name }: SignedCall): Promise<SignedGrant> {
  const { store, keeper, holds } = services
  const grant = await store.checkSignedUrl({ method: request.method, name, query: request.query })
  const { token } = grant
  if (token !== null) keeper.charge(`token:${token}`, store.tokens.get(token).rate)
  holds.hold(token === null ? neighbourhood(addressOf(request)) : `token:${token}`, reply.raw)
  return grant
}

function queryFor({ download }: SignedGrant): ReadQuery {
  return download === null ? {} : { download }
}

function servedAs(grant: SignedGrant): ServeOptions {
  return { immutable: false, check: (metadata) => requireContent(metadata, grant) }
}

/** @throws StoredError CONFLICT */
function requireContent({ checksums }: Metadata, { name, contentHash }: SignedGrant): void {
  if (contentHash === null) return
  const [algorithm, hex] = Object.entries(asChecksums(contentHash))[0]!
  if (checksums[algorithm as keyof typeof checksums] === hex) return
  throw new ConflictError(`"${name}" has other content than this address was made for; ask for a new one.`)
}

async function redirection({ services, reply }: SignedCall, grant: SignedGrant): Promise<string | null> {
  const { store } = services
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
function uploaderHeaders({ headers }: SignedCall["request"]) {
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
