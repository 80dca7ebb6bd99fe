/**
 * Puts by reference that wait in a queue: what travels there, and the two ends of it. No outbox stands behind this queue before a put is
 * accepted, so the queue itself carries it: it tries again, keeps how each ended for a day, and gives out again what a dead worker held.
 *
 *   waiting -> active -> done
 *      ^          |
 *      +- pause --+---> failed      a final error, or the last try
 *
 * The payload is validated by both ends; whoever reaches the Redis can write anything into it.
 */
import * as z from "zod"
import { CHECKSUM_ALGORITHMS, isDigest } from "../src/core/checksum.ts"
import { ERROR_CODES, type StoredError } from "../src/core/error.ts"
import { keyFault } from "../src/core/key.ts"
import { type PayloadReader, payloadReader } from "./payload-reader.ts"
import type { Intake } from "./transport.ts"

export const INGEST_QUEUE = "ingest"
/** Bytes that may travel in the queue itself. */
export const MOST_INLINE = 64 * 1024
export const MOST_PATH = 4_096
export const MOST_URL = 8_192

export const INGEST_ID_RULE = "1 to 128 letters, digits, _ or -"
/** The rule of `STORED_QUEUE_PREFIX`. */
export const QUEUE_PREFIX = /^[A-Za-z0-9_{}-]{1,64}$/

const BASE64_LENGTH = Math.ceil(MOST_INLINE / 3) * 4

const ingestId = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, `expected ${INGEST_ID_RULE}`)
const name = z.string().min(1).max(64)

const source = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("path"), path: z.string().min(1).max(MOST_PATH) }),
  z.strictObject({ type: z.literal("url"), url: z.string().min(1).max(MOST_URL) }),
  z.strictObject({
    type: z.literal("bytes"),
    base64: z
      .base64()
      .max(BASE64_LENGTH)
      .refine((text) => Buffer.byteLength(text, "base64") <= MOST_INLINE, `expected at most ${MOST_INLINE} bytes`),
  }),
])

const checksums = z.strictObject(
  Object.fromEntries(
    CHECKSUM_ALGORITHMS.map((algorithm) => [
      algorithm,
      z
        .string()
        .refine((hex) => isDigest(algorithm, hex), "expected its digest in lower-case hex")
        .optional(),
    ]),
  ),
)

/** What is checked here is that it is a put at all; keys, metadata and backends are the server's to judge. */
const options = z.strictObject({
  key: z
    .string()
    .refine((key) => keyFault(key) === null, "expected a key")
    .optional(),
  metadata: z.record(z.string(), z.json()).optional(),
  mimeType: z.string().max(255).optional(),
  backends: z.array(name).max(64).optional(),
  checksums: checksums.optional(),
  ifAbsent: z.boolean().optional(),
  ifVersion: z.int().min(0).optional(),
})

export const ingestSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal("ingest"),
  /** names this put for good: the same id again is the same put */
  id: ingestId,
  source,
  options,
})

/** What this program knows of puts in the queue. */
export const readIngest: PayloadReader<IngestPayload> = payloadReader({ version: 1, schema: ingestSchema })

/** A source as it may be shown and logged: without bytes, and without a query, which may be a secret. */
export function shownSource(source: IngestSource): { path: string } | { inline: number } | { url: string } {
  if (source.type === "path") return { path: source.path }
  if (source.type === "bytes") return { inline: Math.floor((source.base64.length * 3) / 4) }
  const url = URL.parse(source.url)
  return { url: url ? `${url.origin}${url.pathname}` : "no URL" }
}

/** What a queue holds of a put, as it may be shown; nothing of what is none of ours. */
export function shownIngest(data: unknown): object {
  const reading = readIngest(data)
  if (!("payload" in reading)) return {}
  const { id, source, options } = reading.payload
  const { key, backends } = options
  return { id, source: shownSource(source), ...(key !== undefined && { key }), ...(backends && { backends }) }
}

/** As it travels from the worker that gave up to whoever asks. */
export const ingestFailureSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string().max(4_096),
  retryable: z.boolean(),
  details: z.record(z.string(), z.json()).default({}),
})

export type IngestPayload = z.output<typeof ingestSchema>
export type IngestSource = IngestPayload["source"]
export type IngestOptions = IngestPayload["options"]

/** What has become of a put so far. `result` is as it came; whoever uses it looks at it first. */
export type IngestOutcome =
  | { state: "waiting" | "active" | "unknown" }
  | { state: "done"; result: unknown }
  | { state: "failed"; error: StoredError }

/** The end of those who ask for puts. Every call ends within its own deadline of 5 s, whatever Redis does. */
export interface IngestQueue {
  /**
   * Resolves once the queue holds the put; does nothing where it does already, in whatever state.
   * @throws StoredError CONFLICT (the id is that of another put), TIMEOUT, BACKEND_UNAVAILABLE (retryable: it may be held or not), ABORTED
   */
  add(payload: IngestPayload, signal?: AbortSignal): Promise<void>
  /** @throws StoredError TIMEOUT, BACKEND_UNAVAILABLE (retryable), ABORTED */
  outcome(id: string, signal?: AbortSignal): Promise<IngestOutcome>
  /** Ends what still waits for Redis, with CLOSED. */
  close(): void
}

export interface IngestDelivery {
  /** the id under which the queue has it, which a payload that nobody understands does not tell */
  id: string
  /** as it came; nobody has looked at it yet */
  payload: unknown
  /** what was noted at an earlier try, or null */
  note: unknown
  /** Keeps a small value for the tries to come; it is kept when this resolves. */
  keep(note: unknown): Promise<void>
}

/**
 * Does one put and returns its result, which is JSON. A retryable error is tried again, at most `INGEST_TRIES` times in all; any other ends
 * it. `HandedBack` and `NotUnderstood` of the transport give it to somebody else, now and later. `signal` fires when the queue has done so itself.
 */
export type IngestTake = (delivery: IngestDelivery, signal: AbortSignal) => Promise<unknown>

export const INGEST_TRIES = 5

/** The workers' end. */
export interface IngestIntakes {
  open(options: { concurrency: number; take: IngestTake }): Intake
  close(): Promise<void>
}
