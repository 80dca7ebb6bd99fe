/**
 * Uploads in parts that are under way, found again after a crash and never confused with those of others. Before an upload begins, a note about it is
 * put into the driver's own folder, and its id is added at once after; so what belongs to a note is ours, and nothing else is touched. A note goes
 * when its upload has ended; the sweep ends those whose note nobody has renewed for a day.
 */
import * as z from "zod"
import { isStoredError } from "../../core/error.ts"
import type { BackendPutOptions } from "../backend.ts"
import { askedOf, contentClaim, describe } from "./attributes.ts"
import { isUploadGone } from "./error.ts"
import { abortUpload, listParts, uploadsSince } from "./multipart.ts"
import { type Note, Notes } from "./notes.ts"
import { headObject } from "./read.ts"
import type { S3Session } from "./session.ts"

/** An upload that is open. */
export interface Upload {
  id: string
  /** what the server has: part number → bytes and ETag */
  parts: Map<number, { size: number; etag: string }>
}

const HOUR = 3_600_000
/** ms after which a note that nobody renewed is of an upload that nobody goes on with */
export const ABANDONED_AFTER = 24 * HOUR
const RENEW_AFTER = 4 * HOUR

export class Uploads {
  readonly #session: S3Session
  readonly #notes: Notes
  /** object key → its note, of uploads that are or may be unfinished */
  readonly #open = new Map<string, { note: Note; renewed: number }>()

  constructor(session: S3Session) {
    this.#session = session
    this.#notes = new Notes(session)
  }

  /** Goes on with the upload of the same content that was broken off, or begins one; another content's is aborted. */
  async begin(
    objectKey: string,
    size: number | undefined,
    partSize: number,
    options: BackendPutOptions,
  ): Promise<Upload> {
    const { checksum, signal } = options
    const content = checksum ? contentClaim(checksum) : null
    const note: Note = { version: 1, key: objectKey, uploadId: null, content, size: size ?? null, partSize }
    const found = await this.#notes.read(objectKey, signal)
    const resumed = found && isSame(found.note, note) ? await this.#resume(found.note, signal) : null
    if (resumed) {
      this.#open.set(objectKey, { note: found!.note, renewed: found!.modified })
      return resumed
    }
    if (found) await this.#end(found.note, signal)
    await this.#write(note, signal)
    const id = await this.#create(objectKey, partSize, options)
    await this.#write({ ...note, uploadId: id }, signal)
    return { id, parts: new Map() }
  }

  /** Keeps the sweep from an upload that takes long. */
  async renew(objectKey: string, signal: AbortSignal | undefined): Promise<void> {
    const open = this.#open.get(objectKey)
    if (open && Date.now() - open.renewed > RENEW_AFTER) await this.#write(open.note, signal)
  }

  /** The object is there: its note goes. One that cannot go now is swept. */
  async finished(objectKey: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#notes.remove(objectKey, signal)
      this.#open.delete(objectKey)
    } catch (error) {
      ignoreStored(error)
    }
  }

  /** Gives an upload up, also when the signal has fired: what cannot be ended now is swept. */
  async abandon(objectKey: string, upload: Upload): Promise<void> {
    const signal = AbortSignal.timeout(this.#session.settings.timeouts.answer)
    try {
      await abortUpload(this.#session, objectKey, upload.id, signal)
      await this.#notes.remove(objectKey, signal)
      this.#open.delete(objectKey)
    } catch (error) {
      ignoreStored(error)
    }
  }

  /** Something else is written or deleted under the key: an upload that is known to be unfinished there has no future. */
  async supersede(objectKey: string, signal: AbortSignal | undefined): Promise<void> {
    const open = this.#open.get(objectKey)
    if (open) await this.#end(open.note, signal)
  }

  /**
   * Looks for notes; aborts the uploads whose notes are older than `olderThan` ms and those that something newer took the place of, takes away notes whose uploads
   * have ended, and remembers the others. Returns how many uploads were aborted.
   * @throws StoredError
   */
  async sweep(signal: AbortSignal | undefined, olderThan = ABANDONED_AFTER): Promise<number> {
    let aborted = 0
    for await (const { note, modified } of this.#notes.all(signal)) {
      const isOver = note.uploadId !== null && !(await this.#resume(note, signal))
      const isDead = isOver || Date.now() - modified >= olderThan || (await this.#isOvertaken(note, modified, signal))
      if (isDead) await this.#end(note, signal)
      else if (!this.#open.has(note.key)) this.#open.set(note.key, { note, renewed: modified })
      if (isDead && !isOver) aborted += 1
    }
    return aborted
  }

  /** Whether the object is newer than the note, by the same clock: another process wrote it after the upload had begun. */
  async #isOvertaken(note: Note, noted: number, signal: AbortSignal | undefined): Promise<boolean> {
    const place = this.#session.places.keyOf(note.key)
    if (!place || "invalid" in place) return false
    const head = await headObject(this.#session, place.key, signal)
    return head !== null && head.modified > noted
  }

  async #resume({ key, uploadId }: Note, signal: AbortSignal | undefined): Promise<Upload | null> {
    if (uploadId === null) return null
    try {
      return { id: uploadId, parts: await listParts(this.#session, key, uploadId, signal) }
    } catch (error) {
      if (isUploadGone(error)) return null
      throw error
    }
  }

  async #end({ key, uploadId }: Note, signal: AbortSignal | undefined): Promise<void> {
    const ids = uploadId === null ? await this.#unnoted(key, signal) : [uploadId]
    for (const id of ids) await abortUpload(this.#session, key, id, signal)
    await this.#notes.remove(key, signal)
    this.#open.delete(key)
  }

  /** After a crash between the beginning of an upload and the note of its id: it began after the note, by the same clock. */
  async #unnoted(key: string, signal: AbortSignal | undefined): Promise<string[]> {
    const found = await this.#notes.read(key, signal)
    return found ? uploadsSince(this.#session, key, found.modified, signal) : []
  }

  async #write(note: Note, signal: AbortSignal | undefined): Promise<void> {
    await this.#notes.write(note, signal)
    this.#open.set(note.key, { note, renewed: Date.now() })
  }

  async #create(objectKey: string, partSize: number, options: BackendPutOptions): Promise<string> {
    const { sdk, client, bucket } = this.#session
    const command = new sdk.CreateMultipartUploadCommand({
      Bucket: bucket,
      Key: objectKey,
      ...(options.mimeType !== undefined && { ContentType: options.mimeType }),
      Metadata: describe(options, partSize),
      ...askedOf(this.#session),
    })
    // Once: where the answer is lost, an upload may have begun of which nobody knows the id. The note tells of it, and the next attempt ends it; a second upload's id would
    // take its place there.
    const call = { what: `begin "${objectKey}"`, signal: options.signal, tries: 1 }
    const answer = await this.#session.call(call, (abortSignal) => client.send(command, { abortSignal }))
    return z.string().min(1).parse(answer.UploadId)
  }
}

/** Without a checksum nothing tells that two contents are one. */
function isSame(found: Note, wanted: Note): boolean {
  const { content, size, partSize } = wanted
  return content !== null && found.content === content && found.size === size && found.partSize === partSize
}

/** Notes that stay do no harm: the next sweep sees to them. */
function ignoreStored(error: unknown): void {
  if (!isStoredError(error)) throw error
}
