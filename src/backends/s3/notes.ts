/** Notes about uploads in parts, as small objects in the driver's own folder: one for each object key. */
import * as z from "zod"
import { NotFoundError } from "../../core/error.ts"
import { askedOf } from "./attributes.ts"
import type { S3Session } from "./session.ts"

const noteSchema = z.object({
  version: z.literal(1),
  /** the object's key in the bucket */
  key: z.string(),
  /** null from before the upload begins until its id is known */
  uploadId: z.string().nullable(),
  content: z.string().nullable(),
  /** bytes */
  size: z.number().nullable(),
  partSize: z.number(),
})

export type Note = z.output<typeof noteSchema>

export interface FoundNote {
  note: Note
  /** UTC ms by the server's clock */
  modified: number
}

export class Notes {
  readonly #session: S3Session

  constructor(session: S3Session) {
    this.#session = session
  }

  async read(objectKey: string, signal: AbortSignal | undefined): Promise<FoundNote | null> {
    return this.#readAt(this.#session.places.noteKey(objectKey), signal)
  }

  async write(note: Note, signal: AbortSignal | undefined): Promise<void> {
    const { sdk, client, bucket, places } = this.#session
    const command = new sdk.PutObjectCommand({
      Bucket: bucket,
      Key: places.noteKey(note.key),
      Body: Buffer.from(JSON.stringify(note)),
      ContentType: "application/json",
      // Notes live for minutes: no storage class.
      ...withoutClass(askedOf(this.#session)),
    })
    await this.#session.call({ what: `note the upload of "${note.key}"`, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
  }

  async remove(objectKey: string, signal: AbortSignal | undefined): Promise<void> {
    const { sdk, client, bucket, places } = this.#session
    const command = new sdk.DeleteObjectCommand({ Bucket: bucket, Key: places.noteKey(objectKey) })
    await this.#session.call({ what: `remove the note on "${objectKey}"`, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
  }

  /** Every note that can be read. */
  async *all(signal: AbortSignal | undefined): AsyncGenerator<FoundNote> {
    const { sdk, client, bucket, places } = this.#session
    let token: string | undefined
    do {
      const command = new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: `${places.own}uploads/`,
        ...(token !== undefined && { ContinuationToken: token }),
      })
      const page = await this.#session.call({ what: "look for unfinished uploads", signal }, (abortSignal) =>
        client.send(command, { abortSignal }),
      )
      for (const { Key } of page.Contents ?? []) {
        const found = Key === undefined ? null : await this.#readAt(Key, signal)
        if (found) yield found
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  async #readAt(noteKey: string, signal: AbortSignal | undefined): Promise<FoundNote | null> {
    const { sdk, client, bucket } = this.#session
    try {
      return await this.#session.call({ what: "read the note on an upload", signal }, async (abortSignal) => {
        const answer = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: noteKey }), { abortSignal })
        const text = await answer.Body?.transformToString()
        // What is no note of ours, or of a later version, is left to whoever wrote it.
        const note = noteSchema.safeParse(parseJson(text ?? "")).data
        return note ? { note, modified: answer.LastModified?.getTime() ?? 0 } : null
      })
    } catch (error) {
      if (error instanceof NotFoundError) return null
      throw error
    }
  }
}

function withoutClass({ StorageClass: _, ...asked }: ReturnType<typeof askedOf>): Omit<typeof asked, "StorageClass"> {
  return asked
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A note that was not written by us is none.
    return null
  }
}
