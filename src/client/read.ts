/** `get` and `open`: the bytes of an object or blob, whole or a range, by a download that resumes. */
import type { Readable } from "node:stream"
import { ConflictError, NotFoundError, StoredError } from "../core/error.ts"
import { checkOptions } from "../store/check-options.ts"
import type { GetOptions, OpenedBlob } from "../store/store.ts"
import type { AnsweredRange } from "./answered-range.ts"
import { openDownload } from "./download.ts"
import type { Call, Link } from "./link.ts"
import { nameList } from "./name-list.ts"
import { contentPath } from "./path.ts"
import { stat } from "./stat.ts"

type Options = Omit<GetOptions, "stream">

const ATTEMPTS = 3

export async function get(link: Link, idOrKey: string, options: GetOptions = {}): Promise<Buffer | Readable> {
  checkOptions("get", options)
  const { stream, answered } = await begin(link, idOrKey, options)
  return options.stream ? stream : collect(stream, answered)
}

/** @throws StoredError CONFLICT (retryable) where the object kept changing meanwhile */
export async function open(link: Link, idOrKey: string, options: Options = {}): Promise<OpenedBlob> {
  checkOptions("get", options)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const metadata = await stat(link, idOrKey)
    if (!metadata) throw new NotFoundError(`There is no object "${idOrKey}".`, { details: { reference: idOrKey } })
    const { stream, answered, servedFrom } = await begin(link, idOrKey, options)
    if (answered.id === metadata.id) return { metadata, range: answered.range, servedFrom, stream }
    stream.destroy()
  }
  throw new ConflictError(`"${idOrKey}" kept changing while it was opened; try again.`, { retryable: true })
}

interface Begun {
  stream: Readable
  answered: AnsweredRange
  servedFrom: string
}

async function begin(link: Link, idOrKey: string, options: Options): Promise<Begun> {
  const { fallback, verify = true, signal } = options
  const backends = options.backends ?? (options.backend === undefined ? undefined : [options.backend])
  const call: Call = {
    path: contentPath(idOrKey),
    query: {
      backend: backends && nameList(backends),
      ...(Array.isArray(fallback) ? { fallbackBackends: nameList(fallback) } : { fallback: fallback?.toString() }),
      verify: verify ? undefined : "false",
    },
    headers: rangeHeader(options.range),
    signal,
  }
  const response = await link.send(call)
  const servedFrom = String(response.headers["x-stored-served-from"] ?? "staging")
  return { ...(await openDownload({ link, call, response, verify })), servedFrom }
}

/** HTTP passes over a range that it cannot understand, and answers with the whole. @throws StoredError INVALID_RANGE */
function rangeHeader(range: GetOptions["range"]): Record<string, string> {
  if (!range) return {}
  const { start, end } = range
  const isEnd = end === undefined || end === Number.POSITIVE_INFINITY || (Number.isSafeInteger(end) && end > start)
  if (!Number.isSafeInteger(start) || start < 0 || !isEnd) {
    throw new StoredError(
      "INVALID_RANGE",
      `The range ${start}–${end ?? "end"} has no bytes; give start < end, both from 0.`,
    )
  }
  return { range: `bytes=${start}-${end === undefined || end === Number.POSITIVE_INFINITY ? "" : end - 1}` }
}

async function collect(stream: Readable, { range }: AnsweredRange): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(range.end - range.start)
  let filled = 0
  for await (const chunk of stream) filled += (chunk as Buffer).copy(buffer, filled)
  return buffer
}
