/**
 * An open connection to one bucket: the SDK, loaded only now, and how it is called. Every call ends in time and with its signal, and fails in our words.
 * The outbox is the one that retries. Here a broken connection is tried once more, for the server may have closed it while it was idle; the SDK by itself, which
 * would sleep in a slot for as long as a server likes, never.
 */
import http from "node:http"
import https from "node:https"
import { setTimeout as sleep } from "node:timers/promises"
import type * as Sdk from "@aws-sdk/client-s3"
import type { HasherFactory } from "../../core/checksum.ts"
import { abortError, isStoredError, TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import { Places } from "../prefix-places.ts"
import type { S3Abilities } from "./abilities.ts"
import type { ResolvedCredentials } from "./credentials.ts"
import { s3Error } from "./error.ts"
import { type Objects, openObjects } from "./objects.ts"
import type { S3Settings } from "./settings.ts"

const TRIES = 2
/** ms before the second try, doubled for each further one, a fifth more or less */
const PAUSE = 100
const MOST_SOCKETS = 256
/** the slowest transfer that is not taken for a hang */
export const SLOWEST_BYTES_PER_MS = 64

export interface S3CallOptions {
  /** what is tried, for the sentence of an error: `write "a/b"` */
  what: string
  signal?: AbortSignal | undefined
  /** bytes that the call sends, for which it gets more time */
  bytes?: number
  /** how often it is tried where a fault may pass at once; absent: twice */
  tries?: number
}

export interface S3Session {
  readonly sdk: typeof Sdk
  readonly client: Sdk.S3Client
  /** what is asked most, without the SDK's way around */
  readonly objects: Objects
  readonly settings: S3Settings
  readonly bucket: string
  readonly places: Places
  readonly hashers: HasherFactory
  abilities: S3Abilities
  /** Runs one request. @throws StoredError */
  call<Answer>(options: S3CallOptions, run: (signal: AbortSignal) => Promise<Answer>): Promise<Answer>
  /** Closes all connections. */
  close(): void
}

export async function openSession(
  settings: S3Settings,
  credentials: ResolvedCredentials | null,
  abilities: S3Abilities,
  hashers: HasherFactory,
): Promise<S3Session> {
  const sdk = await import("@aws-sdk/client-s3")
  const { endpoint, region = endpoint === undefined ? undefined : "us-east-1", timeouts } = settings
  const agent = { keepAlive: true, maxSockets: MOST_SOCKETS }
  const agents = { http: new http.Agent(agent), https: new https.Agent(agent) }
  const client = new sdk.S3Client({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
    forcePathStyle: settings.pathStyle ?? endpoint !== undefined,
    // Servers other than AWS refuse or ignore the trailing checksums that the SDK sends by itself; those that matter are sent here.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // It would open a connection of its own for each body that is not small, and wait for the server to ask for it.
    expectContinueHeader: false,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: timeouts.connect, httpAgent: agents.http, httpsAgent: agents.https },
  })
  return {
    sdk,
    client,
    objects: await openObjects(sdk, client, settings.bucket, agents, timeouts.connect),
    settings,
    bucket: settings.bucket,
    places: new Places(settings.prefix),
    hashers,
    abilities,
    call: (options, run) => callAgain(timeouts.answer, options, run),
    close: () => {
      client.destroy()
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

async function callAgain<Answer>(
  patience: number,
  options: S3CallOptions,
  run: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const { tries = TRIES, signal } = options
  for (let failures = 1; ; failures += 1) {
    try {
      return await callInTime(patience, options, run)
    } catch (error) {
      if (failures >= tries || !mayPassAtOnce(error)) throw error
    }
    const delay = PAUSE * 2 ** (failures - 1) * (0.8 + 0.4 * Math.random())
    await sleep(delay, undefined, signal && { signal }).catch(() => throwIfAborted(signal))
  }
}

/** Not where the server says when to come again, nor where it was waited for long enough. */
function mayPassAtOnce(error: unknown): boolean {
  return isStoredError(error) && error.code === "BACKEND_UNAVAILABLE" && error.details.retryAfter === undefined
}

async function callInTime<Answer>(
  patience: number,
  { what, signal, bytes = 0 }: S3CallOptions,
  run: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  throwIfAborted(signal)
  const limit = Math.round(patience + bytes / SLOWEST_BYTES_PER_MS)
  const control = new AbortController()
  const late = (): void => {
    const message = `Cannot ${what}: the server did not answer within ${limit} ms.`
    control.abort(new TransientAdapterError(message, { code: "TIMEOUT" }))
  }
  const stop = (): void => control.abort(abortError(signal))
  signal?.addEventListener("abort", stop, { once: true })
  const timer = setTimeout(late, limit)
  try {
    return await run(control.signal)
  } catch (error) {
    if (control.signal.aborted) throw control.signal.reason
    throw s3Error(error, what)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener("abort", stop)
  }
}
