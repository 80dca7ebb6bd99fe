/** One object on its way into an archive. */
import type { Readable } from "node:stream"
import { ConsistencyError } from "../../core/error.ts"

export interface MemberFacts {
  /** in the archive */
  name: string
  /** bytes */
  size: number
  mimeType: string
  /** UTC ms */
  modified: number
}

/** Open now, and read before the next one is opened. */
export interface Member extends MemberFacts {
  stream: Readable
}

/** Its bytes, exactly as many as its header says. @throws StoredError CORRUPT, what breaks the stream */
export async function* contentOf({ name, size, stream }: Member): AsyncGenerator<Buffer> {
  let left = size
  for await (const chunk of stream) {
    left -= (chunk as Buffer).length
    if (left < 0) break
    yield chunk as Buffer
  }
  if (left === 0) return
  throw new ConsistencyError(
    "CORRUPT",
    `"${name}" has ${left < 0 ? "more" : "fewer"} bytes than the ${size} it should have.`,
  )
}
