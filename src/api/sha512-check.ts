/**
 * `sha-512` of an upload's `Content-Digest` and `Repr-Digest`: one of the two algorithms that RFC 9530 recommends, and none that the catalog keeps. It is counted while the body
 * passes by, and asked right before the commit.
 */
import { createHash } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { Readable } from "node:stream"
import { ConsistencyError, StoredError } from "../core/error.ts"
import { parseSha512 } from "./digest.ts"

export class Sha512Check {
  readonly #expected: string
  readonly #hash = createHash("sha512")

  constructor(expected: string) {
    this.#expected = expected
  }

  /** The same bytes, counted as they are read: once. */
  watch<Body extends Buffer | Readable>(body: Body): Buffer | Readable {
    if (!Buffer.isBuffer(body)) return Readable.from(this.#counted(body), { objectMode: false })
    this.#hash.update(body)
    return body
  }

  /** After all of it was read. @throws StoredError CHECKSUM_MISMATCH */
  require(): void {
    const actual = this.#hash.digest("hex")
    if (actual === this.#expected) return
    throw new ConsistencyError(
      "CHECKSUM_MISMATCH",
      "The body does not have the sha-512 that was declared; send it again.",
      {
        details: { algorithm: "sha512", expected: this.#expected, actual },
      },
    )
  }

  async *#counted(body: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      this.#hash.update(chunk)
      yield chunk
    }
  }
}

/** Null where none is declared. @throws StoredError INVALID_INPUT */
export function sha512Check(headers: IncomingHttpHeaders): Sha512Check | null {
  const declared = new Set<string>()
  for (const field of ["content-digest", "repr-digest"]) {
    const value = headers[field]
    const hex = value === undefined ? null : parseSha512(field, String(value))
    if (hex !== null) declared.add(hex)
  }
  const [expected, other] = declared
  if (other !== undefined)
    throw new StoredError("INVALID_INPUT", "Two different sha-512 digests are declared; declare one.")
  return expected === undefined ? null : new Sha512Check(expected)
}
