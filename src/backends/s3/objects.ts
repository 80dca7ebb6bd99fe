/**
 * The three requests of which every copy needs some: an object is written, a part of one is written, an object is looked at. They are made here rather than
 * by the SDK's chain of middlewares, which takes four times as much processor time for each (decision 0013). Where they go, how they are signed and with whose
 * credentials is the SDK's word all the same: it is asked once what it would send. Where that is no plain signature of version 4 (S3 Express, access
 * points of several regions), the SDK makes these requests too.
 */
import type * as Sdk from "@aws-sdk/client-s3"
import { type Agents, type Answer, exchange } from "./exchange.ts"
import { encode, Signature } from "./signature.ts"

/** What can be said of an object, in the SDK's words: the names of the headers that say it. */
const HEADERS = {
  ChecksumMode: "x-amz-checksum-mode",
  ChecksumSHA256: "x-amz-checksum-sha256",
  ContentMD5: "content-md5",
  ContentType: "content-type",
  IfMatch: "if-match",
  IfNoneMatch: "if-none-match",
  SSEKMSKeyId: "x-amz-server-side-encryption-aws-kms-key-id",
  ServerSideEncryption: "x-amz-server-side-encryption",
  StorageClass: "x-amz-storage-class",
} as const

type Said<Input> = Pick<Input, Extract<keyof Input, keyof typeof HEADERS | "Bucket" | "Key" | "Metadata">>
type WriteInput = Said<Sdk.PutObjectCommandInput> & { Body: Uint8Array }
type PartInput = Said<Sdk.UploadPartCommandInput> & { Body: Uint8Array; UploadId: string; PartNumber: number }
type HeadInput = Said<Sdk.HeadObjectCommandInput>
type Input = Said<Sdk.PutObjectCommandInput & Sdk.HeadObjectCommandInput> &
  Partial<Pick<PartInput, "Body" | "UploadId" | "PartNumber">>

export type HeadAnswer = Pick<
  Sdk.HeadObjectCommandOutput,
  "ContentLength" | "LastModified" | "ETag" | "ChecksumSHA256" | "ChecksumType" | "Metadata"
>

/** Each fails as the SDK does: with what `s3Error` understands. */
export interface Objects {
  /** @param sha256 of the body in hex, which the server compares; without it the body is not signed */
  write(input: WriteInput, sha256: string | undefined, signal: AbortSignal): Promise<void>
  /** The ETag of the part. */
  writePart(input: PartInput, signal: AbortSignal): Promise<string | undefined>
  head(input: HeadInput, signal: AbortSignal): Promise<HeadAnswer>
}

const UNSIGNED = "UNSIGNED-PAYLOAD"
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
const META = "x-amz-meta-"
/** ms by which clocks may differ, with AWS */
const MOST_SKEW = 300_000

/** @param connect ms to be connected */
export async function openObjects(
  sdk: typeof Sdk,
  client: Sdk.S3Client,
  bucket: string,
  agents: Agents,
  connect: number,
): Promise<Objects> {
  const place = await placeOf(sdk, client, bucket)
  return place ? new SignedObjects(client, place, agents, connect) : new SdkObjects(sdk, client)
}

class SignedObjects implements Objects {
  readonly #client: Sdk.S3Client
  readonly #place: Place
  readonly #agents: Agents
  readonly #connect: number
  readonly #signature: Signature

  constructor(client: Sdk.S3Client, place: Place, agents: Agents, connect: number) {
    this.#client = client
    this.#place = place
    this.#agents = agents
    this.#connect = connect
    this.#signature = new Signature(place.region, "s3")
  }

  async write(input: WriteInput, sha256: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#send("PUT", input, sha256 ?? UNSIGNED, signal)
  }

  async writePart(input: PartInput, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#send("PUT", input, UNSIGNED, signal)).headers.etag
  }

  async head(input: HeadInput, signal: AbortSignal): Promise<HeadAnswer> {
    const { headers } = await this.#send("HEAD", input, EMPTY, signal)
    const metadata: Record<string, string> = {}
    for (const [name, value] of Object.entries(headers)) {
      if (name.startsWith(META)) metadata[name.slice(META.length)] = String(value)
    }
    const checksum = headers["x-amz-checksum-sha256"]
    return {
      ContentLength: Number(headers["content-length"] ?? 0),
      LastModified: new Date(headers["last-modified"] ?? 0),
      ETag: headers.etag,
      ...(typeof checksum === "string" && { ChecksumSHA256: checksum }),
      ...(headers["x-amz-checksum-type"] === "COMPOSITE" && { ChecksumType: "COMPOSITE" as const }),
      Metadata: metadata,
    }
  }

  async #send(method: "PUT" | "HEAD", input: Input, payload: string, signal: AbortSignal): Promise<Answer> {
    const { isSecure, host, port, authority, path } = this.#place
    const { UploadId, PartNumber, Body } = input
    const headers = headersOf(input)
    headers.host = authority
    if (Body) headers["content-length"] = String(Body.byteLength)
    const query = UploadId === undefined ? "" : `partNumber=${PartNumber}&uploadId=${encode(UploadId)}`
    const target = path + (input.Key ?? "").split("/").map(encode).join("/")
    const { config } = this.#client
    const identity = await config.credentials()
    const now = Date.now() + config.systemClockOffset
    const signed = this.#signature.sign({ method, path: target, query, headers, payload }, identity, now)
    const answer = await exchange(
      {
        agents: this.#agents,
        isSecure,
        host,
        port,
        method,
        path: query === "" ? target : `${target}?${query}`,
        headers: signed,
        body: Body,
        connect: this.#connect,
      },
      signal,
    )
    const isDone = answer.status >= 200 && answer.status < 300 && !answer.text.includes("<Error>")
    if (isDone) return answer
    this.#seeTime(answer)
    throw new Refusal(answer)
  }

  /** The server's time is the one that counts, for the SDK's requests too. */
  #seeTime({ headers: { date = "" } }: Answer): void {
    const { config } = this.#client
    const offset = Date.parse(date) - Date.now()
    if (Math.abs(offset - config.systemClockOffset) > MOST_SKEW) config.systemClockOffset = offset
  }
}

class SdkObjects implements Objects {
  readonly #sdk: typeof Sdk
  readonly #client: Sdk.S3Client

  constructor(sdk: typeof Sdk, client: Sdk.S3Client) {
    this.#sdk = sdk
    this.#client = client
  }

  async write(input: WriteInput, sha256: string | undefined, abortSignal: AbortSignal): Promise<void> {
    const command = new this.#sdk.PutObjectCommand(input)
    await this.#client.send(withPayload(command, sha256 ?? UNSIGNED), { abortSignal })
  }

  async writePart(input: PartInput, abortSignal: AbortSignal): Promise<string | undefined> {
    const command = new this.#sdk.UploadPartCommand(input)
    return (await this.#client.send(withPayload(command, UNSIGNED), { abortSignal })).ETag
  }

  head(input: HeadInput, abortSignal: AbortSignal): Promise<HeadAnswer> {
    return this.#client.send(new this.#sdk.HeadObjectCommand(input), { abortSignal })
  }
}

/** A refusal as the SDK would throw it. What the server wrote stays out of it but for the name of the fault. */
class Refusal extends Error {
  readonly Code: string | undefined
  readonly $metadata: { httpStatusCode: number }
  readonly $response: { headers: Record<string, string> }

  constructor({ status, headers, text }: Answer) {
    super(`refused with ${status}`)
    this.Code = /<Code>([\w.]{1,64})<\/Code>/.exec(text)?.[1] ?? (status === 404 ? "NotFound" : undefined)
    // An error in an answer that began as a success came up while the server was at it.
    this.$metadata = { httpStatusCode: status >= 200 && status < 300 ? 500 : status }
    const retryAfter = headers["retry-after"]
    this.$response = { headers: retryAfter === undefined ? {} : { "retry-after": retryAfter } }
  }
}

interface Place {
  isSecure: boolean
  host: string
  port: number | undefined
  /** host and port, as the header says them */
  authority: string
  /** what stands before the key */
  path: string
  region: string
}

/** Where the SDK would send a request for an object, or null where it signs in a way of its own. Nothing is sent. */
async function placeOf(sdk: typeof Sdk, client: Sdk.S3Client, bucket: string): Promise<Place | null> {
  const key = "key"
  let place: Place | null = null
  const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: key })
  command.middlewareStack.add(
    (_next, context) => async (args) => {
      const { protocol, hostname, port, path } = args.request as SdkRequest
      const [scheme, ...others] = (context.endpointV2?.properties?.authSchemes ?? []) as SdkScheme[]
      const { name, signingName, signingRegion } = scheme ?? {}
      if (
        name === "sigv4" &&
        signingName === "s3" &&
        signingRegion &&
        others.length === 0 &&
        path.endsWith(`/${key}`)
      ) {
        place = {
          isSecure: protocol === "https:",
          host: hostname.replace(/^\[(.*)\]$/, "$1"),
          port,
          authority: port === undefined ? hostname : `${hostname}:${port}`,
          path: path.slice(0, -key.length),
          region: signingRegion,
        }
      }
      return { response: {}, output: { $metadata: {} } }
    },
    { step: "build", priority: "high", name: "storedPlace" },
  )
  try {
    await client.send(command)
  } catch {
    // What it misses, such as a region, it says again at the first request that it makes.
    return null
  }
  return place
}

interface SdkRequest {
  protocol: string
  hostname: string
  port?: number
  path: string
}
interface SdkScheme {
  name?: string
  signingName?: string
  signingRegion?: string
}

function headersOf(input: Input): Record<string, string> {
  const headers: Record<string, string> = { "user-agent": "StoreD" }
  if (input.Body) headers["content-type"] = "application/octet-stream"
  for (const [field, name] of Object.entries(HEADERS)) {
    const value = input[field as keyof typeof HEADERS]
    if (value !== undefined) headers[name] = value
  }
  for (const [name, value] of Object.entries(input.Metadata ?? {})) headers[META + name] = value
  return headers
}

/** A command that is sent with the SHA-256 of its body in hex, or with none, rather than with one that the SDK would compute once more. */
function withPayload<Command extends Sdk.PutObjectCommand | Sdk.UploadPartCommand>(
  command: Command,
  payload: string,
): Command {
  const stack = command.middlewareStack as Sdk.PutObjectCommand["middlewareStack"]
  stack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> }
      request.headers["x-amz-content-sha256"] = payload
      return next(args)
    },
    { step: "build", name: "storedPayload" },
  )
  return command
}
