/**
 * Finds out what a server can do, by doing it: a few small objects in the driver's own folder, which `list` never shows, taken away again at the end.
 * What a server says it can is not asked; a wrong checksum is sent to see whether it is refused.
 */
import { randomUUID } from "node:crypto"
import { isStoredError, type StoredError } from "../../core/error.ts"
import { toKeyBytes } from "../key-bytes.ts"
import type { S3Abilities } from "./abilities.ts"
import { askedOf } from "./attributes.ts"
import { bareEtag, composedEtag, toBase64 } from "./etag.ts"
import { abortUpload, listUploads } from "./multipart.ts"
import type { S3Session } from "./session.ts"

const CONTENT = Buffer.from("StoreD asks what this server can do.\n")
const WHAT = "find out what the server can do"
/** In the order of their UTF-8 bytes, which is not that of UTF-16, nor of any language. */
const ORDER = ["list/A", "list/a-b", "list/a/b", "list/a0", "list/z", "list/\uff5e", "list/\u{1f600}"]

/** ms after which what a probe left was left by one that was killed */
const ABANDONED_AFTER = 86_400_000

export async function probe(session: S3Session, signal: AbortSignal | undefined): Promise<S3Abilities> {
  const folder = `${session.places.own}probe-${randomUUID()}/`
  try {
    await clearOldProbes(session, signal)
  } catch (error) {
    // Credentials that may not list can still write; what is wrong with all of them the first write tells.
    if (!isRefusal(error)) throw error
  }
  const prober = new Prober(session, folder, signal)
  try {
    const etag = await prober.put("object")
    const md5 = session.hashers.hash("md5", CONTENT)
    return {
      version: 1,
      probed: Date.now(),
      etag: etag === md5 ? "md5" : "opaque",
      sha256: await prober.verifiesSha256(),
      ifAbsent:
        !(await prober.takes("object", { IfNoneMatch: "*" })) && (await prober.takes("new", { IfNoneMatch: "*" })),
      ifMatch: await prober.ifMatch(etag),
      ...(await prober.parts(composedEtag([md5]))),
      copies: await prober.copies(),
      ordered: await prober.isOrdered(),
      versioning: await prober.versioning(),
    }
  } finally {
    await prober.clear()
  }
}

/** Takes away what probes that were killed have left for longer than `olderThan` ms. @throws StoredError */
export async function clearOldProbes(
  session: S3Session,
  signal: AbortSignal | undefined,
  olderThan = ABANDONED_AFTER,
): Promise<void> {
  const { sdk, client, bucket, places } = session
  const prefix = `${places.own}probe-`
  const before = Date.now() - olderThan
  for await (const upload of listUploads(session, prefix, signal)) {
    if (upload.initiated < before) await abortUpload(session, upload.key, upload.id, signal)
  }
  const list = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix })
  const page = await session.call({ what: WHAT, signal }, (abortSignal) => client.send(list, { abortSignal }))
  for (const { Key, LastModified } of page.Contents ?? []) {
    if (Key === undefined || !LastModified || LastModified.getTime() >= before) continue
    const remove = new sdk.DeleteObjectCommand({ Bucket: bucket, Key })
    await session.call({ what: WHAT, signal }, (abortSignal) => client.send(remove, { abortSignal }))
  }
}

class Prober {
  readonly #session: S3Session
  readonly #folder: string
  readonly #signal: AbortSignal | undefined
  readonly #made = new Set<string>()

  constructor(session: S3Session, folder: string, signal: AbortSignal | undefined) {
    this.#session = session
    this.#folder = folder
    this.#signal = signal
  }

  /** Writes the content; its ETag. */
  async put(name: string, more: Record<string, string> = {}): Promise<string | undefined> {
    const { sdk } = this.#session
    const input = { ...this.#target(name), Body: CONTENT, ...askedOf(this.#session), ...more }
    const answer = await this.#call((client, abortSignal) =>
      client.send(new sdk.PutObjectCommand(input), { abortSignal }),
    )
    return bareEtag(answer.ETag)
  }

  /** Whether the server takes a write; a refusal is an answer, a passing fault is none. */
  async takes(name: string, more: Record<string, string>): Promise<boolean> {
    try {
      await this.put(name, more)
      return true
    } catch (error) {
      if (isRefusal(error)) return false
      throw error
    }
  }

  async ifMatch(etag: string | undefined): Promise<"bare" | "quoted" | null> {
    if (etag === undefined || (await this.takes("object", { IfMatch: "0".repeat(32) }))) return null
    if (await this.takes("object", { IfMatch: etag })) return "bare"
    return (await this.takes("object", { IfMatch: `"${etag}"` })) ? "quoted" : null
  }

  async verifiesSha256(): Promise<boolean> {
    const { sdk, hashers } = this.#session
    const right = toBase64(hashers.hash("sha256", CONTENT))
    if (await this.takes("checksum", { ChecksumSHA256: toBase64("00".repeat(32)) })) return false
    if (!(await this.takes("checksum", { ChecksumSHA256: right }))) return false
    const command = new sdk.HeadObjectCommand({ ...this.#target("checksum"), ChecksumMode: "ENABLED" })
    const head = await this.#call((client, abortSignal) => client.send(command, { abortSignal }))
    return head.ChecksumSHA256 === right
  }

  /** Two uploads of one part over the same object: the second may not be completed where that can be bound. */
  async parts(etag: string): Promise<Pick<S3Abilities, "partsEtag" | "partsCondition">> {
    try {
      await this.#upload({})
    } catch (error) {
      if (isRefusal(error)) return { partsEtag: "opaque", partsCondition: false }
      throw error
    }
    const { sdk } = this.#session
    const command = new sdk.HeadObjectCommand(this.#target("parts"))
    const head = await this.#call((client, abortSignal) => client.send(command, { abortSignal }))
    const partsEtag = bareEtag(head.ETag) === etag ? "md5" : "opaque"
    try {
      await this.#upload({ IfNoneMatch: "*" })
      return { partsEtag, partsCondition: false }
    } catch (error) {
      if (isRefusal(error)) return { partsEtag, partsCondition: isConflict(error) }
      throw error
    }
  }

  /** Whether it copies; and refuses to where something is, if it is asked to. */
  async copies(): Promise<S3Abilities["copies"]> {
    if (!(await this.#copies("copy", {}))) return "no"
    return (await this.#copies("copy", { IfNoneMatch: "*" })) ? "unbound" : "bound"
  }

  /** Whether listings are in order, and begin after any key. */
  async isOrdered(): Promise<boolean> {
    const { sdk, bucket } = this.#session
    await Promise.all(ORDER.map((name) => this.put(name)))
    const seen: string[] = []
    const command = new sdk.ListObjectsV2Command({
      Bucket: bucket,
      Prefix: `${this.#folder}list/`,
      StartAfter: `${this.#folder}list/A-`,
    })
    const page = await this.#call((client, abortSignal) => client.send(command, { abortSignal }))
    for (const { Key } of page.Contents ?? []) seen.push((Key ?? "").slice(this.#folder.length))
    const wanted = ORDER.slice(1).sort((a, b) => (toKeyBytes(a) < toKeyBytes(b) ? -1 : 1))
    return JSON.stringify(seen) === JSON.stringify(wanted)
  }

  async versioning(): Promise<S3Abilities["versioning"]> {
    const { sdk, bucket } = this.#session
    try {
      const command = new sdk.GetBucketVersioningCommand({ Bucket: bucket })
      const { Status } = await this.#call((client, abortSignal) => client.send(command, { abortSignal }))
      return Status === "Enabled" ? "on" : Status === "Suspended" ? "suspended" : "off"
    } catch (error) {
      if (isRefusal(error)) return null
      throw error
    }
  }

  /** Takes away what was made, also after a fault. @throws StoredError */
  async clear(): Promise<void> {
    const { sdk, bucket } = this.#session
    for (const name of this.#made) {
      const command = new sdk.DeleteObjectCommand({ Bucket: bucket, Key: this.#folder + name })
      await this.#call((client, abortSignal) => client.send(command, { abortSignal }))
    }
  }

  async #upload(condition: { IfNoneMatch?: string }): Promise<void> {
    const { sdk, hashers } = this.#session
    const target = this.#target("parts")
    const begin = new sdk.CreateMultipartUploadCommand({ ...target, ...askedOf(this.#session) })
    const { UploadId = "" } = await this.#call((client, abortSignal) => client.send(begin, { abortSignal }))
    try {
      const md5 = toBase64(hashers.hash("md5", CONTENT))
      const part = new sdk.UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: CONTENT, ContentMD5: md5 })
      const { ETag } = await this.#call((client, abortSignal) => client.send(part, { abortSignal }))
      const Parts = [{ PartNumber: 1, ...(ETag !== undefined && { ETag }) }]
      const end = new sdk.CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        MultipartUpload: { Parts },
        ...condition,
      })
      await this.#call((client, abortSignal) => client.send(end, { abortSignal }))
    } catch (error) {
      await abortUpload(this.#session, target.Key, UploadId, this.#signal)
      throw error
    }
  }

  /** Whether the server makes such a copy of `object`. */
  async #copies(name: string, condition: { IfNoneMatch?: string }): Promise<boolean> {
    const { sdk, bucket } = this.#session
    const source = encodeURIComponent(`${bucket}/${this.#folder}object`)
    const command = new sdk.CopyObjectCommand({
      ...this.#target(name),
      CopySource: source,
      ...askedOf(this.#session),
      ...condition,
    })
    try {
      await this.#call((client, abortSignal) => client.send(command, { abortSignal }))
      return true
    } catch (error) {
      if (isRefusal(error)) return false
      throw error
    }
  }

  #target(name: string): { Bucket: string; Key: string } {
    this.#made.add(name)
    return { Bucket: this.#session.bucket, Key: this.#folder + name }
  }

  #call<Answer>(run: (client: S3Session["client"], signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return this.#session.call({ what: WHAT, signal: this.#signal }, (signal) => run(this.#session.client, signal))
  }
}

/** What the server will not do, in whatever words; wrong credentials and a missing bucket are found out by the first write, which must succeed. */
function isRefusal(error: unknown): error is StoredError {
  if (!isStoredError(error)) return false
  const { status } = error.details
  return (
    typeof status === "number" &&
    ((status >= 400 && status < 500 && status !== 408 && status !== 429) || status === 501)
  )
}

function isConflict(error: StoredError): boolean {
  return error.code === "CONFLICT"
}
