/**
 * What a download has brought so far, for any number of readers: the latest bytes in memory, those before them in the file that they are written to.
 * Where they are not written anywhere, only a window of the latest ones is kept.
 */
import type { GrowingContent } from "../staging/staging.ts"

/** Bytes in memory that whoever lags behind may still read, where nothing is written. */
const WINDOW = 2 ** 20
const MOST = 2 ** 18

export class ReceivedBytes {
  /** bytes that came, from the start */
  received = 0
  readonly #latest: { start: number; bytes: Uint8Array }[] = []
  #file: GrowingContent | null = null
  #isWritten = true

  append(bytes: Uint8Array): void {
    this.#latest.push({ start: this.received, bytes })
    this.received += bytes.length
    this.#forget()
  }

  /** From now on, what this file has need not be kept in memory. */
  follow(file: GrowingContent): void {
    this.#file = file
  }

  /** Nothing more is written, and what was will be gone. */
  async unfollow(): Promise<void> {
    this.#isWritten = false
    this.#forget()
    await this.close()
  }

  /** Whether these bytes can be read here, or are the next to come. */
  has(position: number): boolean {
    return position <= this.received && position >= (this.#file ? 0 : this.#latestStart())
  }

  /** A copy of some bytes from `position`, below `received`. Null: they are not here any more. */
  async read(position: number): Promise<Buffer | null> {
    const chunk = position < this.#latestStart() ? undefined : this.#latest.findLast(({ start }) => start <= position)
    // A copy: what one reader does to its bytes must not reach the others.
    if (chunk) return Buffer.from(chunk.bytes.subarray(position - chunk.start, position - chunk.start + MOST))
    return (await this.#file?.read(position, MOST)) ?? null
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  #latestStart(): number {
    return this.#latest[0]?.start ?? this.received
  }

  #forget(): void {
    const inFile = this.#file?.written ?? 0
    const kept = this.#isWritten ? inFile : Math.max(inFile, this.received - WINDOW)
    while (this.#latest[0] && this.#latest[0].start + this.#latest[0].bytes.length <= kept) this.#latest.shift()
  }
}
