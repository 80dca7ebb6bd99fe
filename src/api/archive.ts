/**
 * Many objects as one download. What fails before the first byte is a problem as ever; later the connection is cut, without the end that a whole answer has, so that no client takes half
 * an archive for a whole one.
 */
import type { FastifyReply } from "fastify"
import * as z from "zod"
import { ARCHIVE_FORMATS } from "../store/archive/archive-format.ts"
import type { ArchiveOptions, OpenedArchive } from "../store/store.ts"
import { authoriseArchive } from "./access/authorise-archive.ts"
import { disposition, UNTRUSTED_HEADERS } from "./blob-headers.ts"
import { clientSignal } from "./client-signal.ts"
import { PROBLEM_TYPE } from "./problem.ts"
import { flag, whole } from "./query.ts"
import type { Answer, Call } from "./route.ts"
import { problem } from "./schemas/pieces.ts"
import { cutSlowReader } from "./slow-reader.ts"

/** What its URL says. */
export const archiveQuery = z.strictObject({
  prefix: z.string().describe("all whose keys begin so; empty: everything"),
  format: z.enum(ARCHIVE_FORMATS).optional().describe("default zip"),
  compress: whole(0, 9).optional().describe("how hard; default 0 for zip, 6 for tar.gz"),
  name: z.string().optional().describe("of the file; absent: the folder's"),
  fallback: flag.optional().describe("where the copy of an object fails: try the others"),
})

/** What its body says: `keys` or `prefix`, one of the two. */
export const archiveBody = z.strictObject({
  keys: z.array(z.string()).optional().describe("at most 10,000"),
  prefix: z.string().optional().describe("instead: all whose keys begin so"),
  format: z.enum(ARCHIVE_FORMATS).optional(),
  compress: z.int().min(0).max(9).optional(),
  name: z.string().optional(),
  fallback: z.union([z.boolean(), z.array(z.string())]).optional(),
})

/** Bytes of a body with 10,000 keys of some length. */
export const MOST_BODY = 4 * 2 ** 20

export const ARCHIVE_ANSWERS: Record<number, Answer> = {
  200: {
    is: "The archive; it is whole where the connection ends well.",
    type: "application/octet-stream",
    headers: {
      "content-length": "where nothing is compressed, and there are not too many objects to look at beforehand",
    },
  },
  404: { is: "Something is not there: `details.keys`.", type: PROBLEM_TYPE, schema: problem },
}

type Wanted = z.output<typeof archiveQuery> | z.output<typeof archiveBody>
type ArchiveCall = Pick<Call<unknown, unknown>, "services" | "access" | "reply">

/** @throws StoredError NOT_FOUND with `details.keys`, INVALID_INPUT, INVALID_KEY */
export async function serveArchive(call: ArchiveCall, wanted: Wanted): Promise<FastifyReply> {
  const { services, reply } = call
  const opened = await openArchive(call, wanted)
  cutSlowReader(reply.raw, services.limits.idleTimeout)
  return reply.headers(headersOf(opened)).send(opened.stream)
}

/** Its headers alone. */
export async function describeArchive(call: ArchiveCall, wanted: Wanted): Promise<FastifyReply> {
  const opened = await openArchive(call, wanted)
  opened.stream.destroy()
  return call.reply.headers(headersOf(opened)).send()
}

async function openArchive({ services, access, reply }: ArchiveCall, wanted: Wanted): Promise<OpenedArchive> {
  authoriseArchive(access, { prefix: wanted.prefix, ...("keys" in wanted && { keys: wanted.keys }) })
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
