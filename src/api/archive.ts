/**
 * Many objects as one download. What fails before the first byte is a problem as ever; later the connection is cut, without the end that a whole answer has, so that no client takes half
 * an archive for a whole one.
 */
import type { FastifyReply } from "fastify"
import * as z from "zod"
import { ARCHIVE_FORMATS } from "../store/archive/archive-format.ts"
import type { ArchiveOptions, OpenedArchive } from "../store/store.ts"
import { disposition, UNTRUSTED_HEADERS } from "./blob-headers.ts"
import { clientSignal } from "./client-signal.ts"
import { flag, whole } from "./query.ts"
import type { ApiServices } from "./services.ts"
import { cutSlowReader } from "./slow-reader.ts"

/** What its URL says. */
export const archiveQuery = z.strictObject({
  prefix: z.string(),
  format: z.enum(ARCHIVE_FORMATS).optional(),
  compress: whole(0, 9).optional(),
  name: z.string().optional(),
  fallback: flag.optional(),
})

/** What its body says: `keys` or `prefix`, one of the two. */
export const archiveBody = z.strictObject({
  keys: z.array(z.string()).optional(),
  prefix: z.string().optional(),
  format: z.enum(ARCHIVE_FORMATS).optional(),
  compress: z.int().min(0).max(9).optional(),
  name: z.string().optional(),
  fallback: z.union([z.boolean(), z.array(z.string())]).optional(),
})

/** 10,000 keys of some length. */
export const MOST_BODY = 4 * 2 ** 20

type Wanted = z.output<typeof archiveQuery> | z.output<typeof archiveBody>

/** @throws StoredError NOT_FOUND with `details.keys`, INVALID_INPUT, INVALID_KEY */
export async function serveArchive(services: ApiServices, reply: FastifyReply, wanted: Wanted): Promise<FastifyReply> {
  const opened = await openArchive(services, reply, wanted)
  cutSlowReader(reply.raw, services.limits.idleTimeout)
  return reply.headers(headersOf(opened)).send(opened.stream)
}

/** Its headers alone. */
export async function describeArchive(
  services: ApiServices,
  reply: FastifyReply,
  wanted: Wanted,
): Promise<FastifyReply> {
  const opened = await openArchive(services, reply, wanted)
  opened.stream.destroy()
  return reply.headers(headersOf(opened)).send()
}

function openArchive(services: ApiServices, reply: FastifyReply, wanted: Wanted): Promise<OpenedArchive> {
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
  const options = Object.fromEntries(given) as ArchiveOptions
  return services.store.archive({ ...options, signal: clientSignal(reply.raw) })
}

function headersOf({ name, mimeType, size }: OpenedArchive): Record<string, string> {
  return {
    "content-type": mimeType,
    "content-disposition": disposition(name, false),
    ...UNTRUSTED_HEADERS,
    "cache-control": "private, no-store",
    "accept-ranges": "none",
    ...(size !== null && { "content-length": String(size) }),
  }
}
