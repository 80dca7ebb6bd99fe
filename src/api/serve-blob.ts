/**
 * One download, whole or a range, for objects and for blobs by id. The stream goes out by Fastify, which cuts the connection when it fails late:
 * a reader never gets a clean end on bad bytes. What is served is always described by the headers beside it, even if
 * the object is replaced in between.
 */
import type { IncomingHttpHeaders } from "node:http"
import type { Readable } from "node:stream"
import type { FastifyReply } from "fastify"
import * as z from "zod"
import { type Access, ANONYMOUS } from "../core/access.ts"
import { ConflictError, NotFoundError } from "../core/error.ts"
import type { Metadata } from "../core/metadata.ts"
import type { GetOptions, OpenedBlob } from "../store/store.ts"
import { copiesToRead } from "./access/allowed-backends.ts"
import { ownFacts } from "./access/own-facts.ts"
import { type BlobHeaderOptions, blobHeaders } from "./blob-headers.ts"
import { parseRange } from "./byte-range.ts"
import { clientSignal } from "./client-signal.ts"
import { contentValidators, dependsOnContent, isNotModified, rangeApplies, requireAsExpected } from "./condition.ts"
import { contentDigest, reprDigest } from "./digest.ts"
import { downloadParameter } from "./download-parameter.ts"
import { PROBLEM_TYPE } from "./problem.ts"
import { parseNames } from "./put-headers.ts"
import { flag } from "./query.ts"
import type { Answer, Call, HeaderNotes } from "./route.ts"
import { problem } from "./schemas/pieces.ts"
import type { ApiServices } from "./services.ts"
import { cutSlowReader } from "./slow-reader.ts"

export const readQuery = z.strictObject({
  backend: z
    .string()
    .optional()
    .describe("where staging does not have the bytes: only these copies, with commas between them"),
  fallback: flag.optional().describe("where such a copy fails: try the others"),
  fallbackBackends: z.string().optional().describe("or only these others, with commas between them"),
  verify: flag.optional().describe("false: whole reads from staging are not hashed"),
  download: downloadParameter.optional().describe("saved rather than shown: `1` under its own name, or another name"),
})
export type ReadQuery = z.output<typeof readQuery>

export const READ_HEADERS: HeaderNotes = {
  range: "one range of bytes",
  "if-range": "the ETag for which the range is meant",
  "if-match": "ETags or versions of which it must have one (412)",
  "if-none-match": "ETags that the reader has (304)",
  "if-modified-since": "without the one before: when the reader got what it has, by the second (304)",
  "if-unmodified-since": "without If-Match: it must not be newer (412)",
}
/** What was put says of what type it is. */
const ANY_TYPE = "*/*"
export const READ_ANSWERS: Record<number, Answer> = {
  200: {
    is: "The whole.",
    type: ANY_TYPE,
    headers: {
      etag: "the id in quotes",
      "last-modified": "when this version was put",
      "repr-digest": "the sha-256 of the whole (RFC 9530), where it is known",
      "content-digest": "that of what is sent: of a range only where it is short",
    },
  },
  206: { is: "One range.", type: ANY_TYPE },
  304: { is: "The reader has it already." },
  412: { is: "It is not what If-Match or If-Unmodified-Since asks for.", type: PROBLEM_TYPE, schema: problem },
  416: { is: "There is no such range.", type: PROBLEM_TYPE, schema: problem },
}
const ATTEMPTS = 3

type ReadCall = Pick<Call<ReadQuery, unknown>, "services" | "request" | "reply" | "query"> & {
  /** absent: the address itself says who may read, and by what */
  access?: Access
}

export interface ServeOptions {
  /** the name can never mean other bytes */
  immutable: boolean
  /** throws where what is there now is not to be served */
  check?(metadata: Metadata): void
}

/** Answers GET. @throws StoredError NOT_FOUND, INVALID_RANGE, COPY_UNAVAILABLE, … */
export async function serveBlob(
  { services, access = ANONYMOUS, request, reply, query }: ReadCall,
  name: string,
  options: ServeOptions,
): Promise<FastifyReply> {
  const { backend, fallback, fallbackBackends, verify, download = null } = query
  const shown = { ...options, download }
  const getOptions: GetOptions = {
    ...copiesToRead(services.store, access, {
      ...(backend !== undefined && { backends: parseNames(backend) }),
      ...(fallback !== undefined && { fallback }),
      ...(fallbackBackends !== undefined && { fallback: parseNames(fallbackBackends) }),
    }),
    ...(verify !== undefined && { verify }),
    signal: clientSignal(reply.raw),
  }
  if (!options.check && !dependsOnContent(request.headers)) {
    return sendOpened(services, access, reply, await services.store.open(name, getOptions), false, shown)
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const metadata = await requireMetadata(services, name)
    options.check?.(metadata)
    if (isCurrent(request.headers, metadata)) return notModified(reply, metadata, options)
    const range = rangeApplies(request.headers, metadata) ? parseRange(request.headers.range, metadata.size) : null
    const opened = await services.store.open(name, { ...getOptions, ...(range && { range }) })
    if (opened.metadata.id === metadata.id) return sendOpened(services, access, reply, opened, range !== null, shown)
    opened.stream.destroy()
  }
  throw new ConflictError(`"${name}" kept changing while it was opened; try again.`, { retryable: true })
}

/** @throws ConflictError where it is not what the reader expects */
function isCurrent(headers: IncomingHttpHeaders, metadata: Metadata): boolean {
  const validators = contentValidators(metadata)
  requireAsExpected(headers, validators)
  return isNotModified(headers, validators)
}

/** Answers HEAD: the headers of the whole, without opening anything. */
export async function describeBlob(
  { services, access = ANONYMOUS, request, reply, query: { download = null } }: ReadCall,
  name: string,
  options: ServeOptions,
): Promise<FastifyReply> {
  const metadata = ownFacts(access, await requireMetadata(services, name))
  options.check?.(metadata)
  if (isCurrent(request.headers, metadata)) return notModified(reply, metadata, options)
  return reply
    .headers(blobHeaders(metadata, { ...options, download }))
    .header("content-length", String(metadata.size))
    .send()
}

export async function requireMetadata(services: Pick<ApiServices, "store">, name: string): Promise<Metadata> {
  const metadata = await services.store.stat(name)
  if (metadata) return metadata
  throw new NotFoundError(`There is no "${name}" here.`)
}

function notModified(reply: FastifyReply, metadata: Metadata, options: ServeOptions): FastifyReply {
  const { etag, "cache-control": cacheControl, "last-modified": modified } = blobHeaders(metadata, options)
  return reply.code(304).headers({ etag, "cache-control": cacheControl, "last-modified": modified }).send()
}

function sendOpened(
  services: ApiServices,
  access: Access,
  reply: FastifyReply,
  opened: OpenedBlob,
  partial: boolean,
  options: BlobHeaderOptions,
): FastifyReply {
  const { range, servedFrom, stream } = opened
  const metadata = ownFacts(access, opened.metadata)
  const length = range.end - range.start
  const bytes = readyBytes(stream, length)
  // What is not at hand would have to be read twice to say it of a part.
  const digest = partial ? bytes && contentDigest(bytes) : reprDigest(metadata.checksums)
  reply.headers(blobHeaders(metadata, options))
  reply.header("content-length", String(length))
  // Whether it was at hand here depends on what others have put and read.
  if (access.prefixes === null) reply.header("x-stored-served-from", servedFrom)
  if (digest !== null) reply.header("content-digest", digest)
  if (partial) reply.code(206).header("content-range", `bytes ${range.start}-${range.end - 1}/${metadata.size}`)
  cutSlowReader(reply.raw, services.limits.idleTimeout)
  return reply.send(bytes ?? stream)
}

/** All that a stream has, where it has it at hand: sent with the head in one piece. Null otherwise, and the stream is as it was. */
function readyBytes(stream: Readable, length: number): Buffer | null {
  const bytes = stream.read() as Buffer | null
  if (bytes === null || bytes.length === length) return bytes
  stream.unshift(bytes)
  return null
}
