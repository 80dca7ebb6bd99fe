/**
 * An open connection to one bucket: the SDK, loaded only now, and how it is called. Every call ends in time and with its signal, and fails in our words.
 * The SDK tries at most twice: the outbox is the one that retries.
 */
import type * as Sdk from "@aws-sdk/client-s3"
import type { HasherFactory } from "../../core/checksum.ts"
import { abortError, TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import type { S3Abilities } from "./abilities.ts"
import type { ResolvedCredentials } from "./credentials.ts"
import { s3Error } from "./error.ts"
import { Places } from "./place.ts"
import type { S3Settings } from "./settings.ts"

const SDK_TRIES = 2
const MOST_SOCKETS = 256
/** the slowest transfer that is not taken for a hang */
export const SLOWEST_BYTES_PER_MS = 64

export interface S3CallOptions {
  /** what is tried, for the sentence of an error: `write "a/b"` */
  what: string
  signal?: AbortSignal | undefined
  /** bytes that the call sends, for which it gets more time */
  bytes?: number
}

export interface S3Session {
  readonly sdk: typeof Sdk
  readonly client: Sdk.S3Client
  readonly settings: S3Settings
  readonly bucket: string
  readonly places: Places
  readonly hashers: HasherFactory
  abilities: S3Abilities
  /** Runs one request. @throws StoredError */
  call<Answer>(options: S3CallOptions, run: (signal: AbortSignal) => Promise<Answer>): Promise<Answer>
}

export async function openSession(
  settings: S3Settings,
  credentials: ResolvedCredentials | null,
  abilities: S3Abilities,
  hashers: HasherFactory,
): Promise<S3Session> {
  const sdk = await import("@aws-sdk/client-s3")
  const { endpoint, region = endpoint === undefined ? undefined : "us-east-1", timeouts } = settings
  const client = new sdk.S3Client({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
    forcePathStyle: settings.pathStyle ?? endpoint !== undefined,
    // Servers other than AWS refuse or ignore the trailing checksums that the SDK sends by itself; those that matter are sent here.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: SDK_TRIES,
    requestHandler: {
      connectionTimeout: timeouts.connect,
      httpAgent: { keepAlive: true, maxSockets: MOST_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MOST_SOCKETS },
    },
  })
  return {
    sdk,
    client,
    settings,
    bucket: settings.bucket,
    places: new Places(settings.prefix),
    hashers,
    abilities,
    call: (options, run) => callInTime(timeouts.answer, options, run),
  }
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

/** A command that is sent with the SHA-256 of its body in hex, which the server compares; without one the body is not signed and not hashed once more. */
export function withPayloadHash<Command extends Sdk.PutObjectCommand | Sdk.UploadPartCommand>(
  command: Command,
  hex: string | undefined,
): Command {
  const stack = command.middlewareStack as Sdk.PutObjectCommand["middlewareStack"]
  stack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> }
      request.headers["x-amz-content-sha256"] = hex ?? "UNSIGNED-PAYLOAD"
      return next(args)
    },
    { step: "build", name: "storedPayloadHash" },
  )
  return command
}
