/** What is asked of a running rclone: commands, uploads and reads, each with an end to its waiting. */
import { randomUUID } from "node:crypto"
import { type IncomingMessage, type RequestOptions, request } from "node:http"
import { pipeline, Readable } from "node:stream"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import type { BlobSource, ByteRange } from "../../core/blob-source.ts"
import { isStoredError, type StoredError, TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import { sourcePieces } from "../source-pieces.ts"
import type { RcloneDaemon } from "./daemon.ts"
import { isLocked, rcloneError } from "./error.ts"

/** ms without a byte */
const IDLE = 60_000
/** ms that an aborted upload has to end in good order, so that nothing of it appears later */
const GRACE = 3_000
const SLOWEST_BYTES_PER_MS = 64
const PIECE = 256 * 1024

/** ms before something locked is tried again, at first and at most; doubled each time, half of it more or less */
const [FIRST_PAUSE, LAST_PAUSE] = [10, 1_280]

/**
 * Runs it again where a WebDAV server refuses to do two things at one place at the same time (423): each upload makes sure of its directory, so that uploads of
 * ours meet there. Such a refusal has changed nothing.
 */
export async function unlessLocked<Value>(run: () => Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  for (let pause = FIRST_PAUSE; ; pause *= 2) {
    try {
      return await run()
    } catch (error) {
      if (!isLocked(error) || pause > LAST_PAUSE) throw error
    }
    await sleep(pause * (0.5 + Math.random()), undefined, signal && { signal }).catch(() => throwIfAborted(signal))
  }
}

/** A command of rclone's remote control, and its answer. @throws StoredError NOT_FOUND where there is no such file or directory */
export async function command(
  rclone: RcloneDaemon,
  name: string,
  input: object,
  signal?: AbortSignal,
): Promise<unknown> {
  const headers = { "content-type": "application/json" }
  const answer = await ask(rclone, `/${name}`, { method: "POST", headers, signal }, JSON.stringify(input))
  return JSON.parse(await text(answer).catch((error: unknown) => Promise.reject(faultOf(error, rclone, signal))))
}

/** Writes a file that nobody reads yet. What fails in the source is thrown when rclone has let go of the file. */
export async function upload(
  rclone: RcloneDaemon,
  { fs, directory, name }: { fs: string; directory: string; name: string },
  source: BlobSource,
  signal: AbortSignal | undefined,
): Promise<void> {
  const boundary = randomUUID()
  let failure: unknown = null
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`)
    try {
      yield* sourcePieces(source, PIECE, signal)
    } catch (error) {
      failure = error
    }
    yield Buffer.from(`\r\n--${boundary}--\r\n`)
  }
  const late = new AbortController()
  const abort = (): void => void setTimeout(() => late.abort(signal?.reason), GRACE).unref()
  signal?.addEventListener("abort", abort, { once: true })
  try {
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}` }
    const path = `/operations/uploadfile?${new URLSearchParams({ fs, remote: directory })}`
    const answer = await ask(rclone, path, { method: "POST", headers, signal: late.signal }, parts())
    answer.resume()
  } catch (error) {
    throw failure ?? error
  } finally {
    signal?.removeEventListener("abort", abort)
  }
  if (failure) throw failure
  throwIfAborted(signal)
}

/** The bytes of the range, which is not empty, and how many the whole file has now. */
export async function read(
  rclone: RcloneDaemon,
  fs: string,
  path: string,
  { start, end }: ByteRange,
  signal: AbortSignal | undefined,
): Promise<{ size: number; stream: Readable }> {
  const place = [`[${fs}]`, ...path.split("/")].map(encodeURIComponent).join("/")
  const answer = await ask(rclone, `/${place}`, { headers: { range: `bytes=${start}-${end - 1}` }, signal })
  const size = Number(answer.headers["content-range"]?.split("/")[1] ?? answer.headers["content-length"])
  return { size, stream: Readable.from(bodyOf(answer, rclone, signal), { objectMode: false }) }
}

async function* bodyOf(answer: IncomingMessage, rclone: RcloneDaemon, signal: AbortSignal | undefined) {
  try {
    for await (const chunk of answer) {
      throwIfAborted(signal)
      yield chunk as Uint8Array
    }
  } catch (error) {
    throw faultOf(error, rclone, signal)
  }
}

/** The answer, once it has begun and is a good one. Silence ends it, unless it is a slow reader's. */
async function ask(
  rclone: RcloneDaemon,
  path: string,
  options: Omit<RequestOptions, "signal"> & { signal: AbortSignal | undefined },
  body?: string | AsyncIterable<Uint8Array>,
): Promise<IncomingMessage> {
  const { signal, ...asked } = options
  throwIfAborted(signal)
  const sent = request(rclone.url + path, { ...asked, auth: rclone.auth, ...(signal && { signal }) })
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  sent.once("response", resolve).on("error", reject)
  sent.setTimeout(IDLE)
  let answer: IncomingMessage | null = null
  sent.on("timeout", () => {
    if (answer?.readableLength) sent.setTimeout(IDLE)
    else sent.destroy(new TransientAdapterError("rclone did not answer in time.", { code: "TIMEOUT" }))
  })
  if (typeof body === "object") pipeline(patient(body, sent), sent, () => {})
  else sent.end(body)
  try {
    answer = await promise
    if (answer.statusCode === 200 || answer.statusCode === 206) return answer
    const said = await text(answer)
    const message = /"error": (".*")/.exec(said)?.[1]
    throw rcloneError(message ? String(JSON.parse(message)) : said, rclone.secrets, answer.statusCode)
  } catch (error) {
    throw faultOf(error, rclone, signal)
  }
}

/** Some remotes are sent the bytes only when rclone has them all. */
async function* patient(body: AsyncIterable<Uint8Array>, sent: { setTimeout(ms: number): unknown }) {
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.byteLength
    yield piece
  }
  sent.setTimeout(Math.ceil(IDLE + bytes / SLOWEST_BYTES_PER_MS))
}

function faultOf(error: unknown, { secrets }: RcloneDaemon, signal: AbortSignal | undefined): StoredError {
  throwIfAborted(signal)
  if (isStoredError(error)) return error
  return rcloneError(error instanceof Error ? error.message : String(error), secrets)
}
