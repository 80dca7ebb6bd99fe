/**
 * Reads what was found, so that its id is known. Files on this host are hashed where they lie, by threads, many in one call; what lies elsewhere passes through
 * here. What was read is only believed where it is in the state in which it was found: then it is that file, and all of it is of one moment (I13).
 */
import type { BackendEntry, BackendStat } from "../../backends/backend.ts"
import type { LocationRecord } from "../../catalog/record.ts"
import type { Checksums, IdAlgorithm } from "../../core/checksum.ts"
import { isStoredError, toStoredError } from "../../core/error.ts"
import { isSameState } from "../../core/seen-state.ts"
import { readStream } from "../validate/read-stream.ts"
import { giveWay } from "./give-way.ts"
import { knownElsewhere } from "./gone-files.ts"
import type { ScannedBackend } from "./scan-parts.ts"
import { statFound } from "./stat-found.ts"

/** `moving`: it is being written to, or is another one by now: to be looked at again. */
export type FoundRead =
  /** `verified`: it is known from an earlier read, which is the proof */
  | { type: "read"; checksums: Checksums; verified?: NonNullable<LocationRecord["verified"]> }
  | { type: "moving" }
  | { type: "unreadable"; error: string }

/** What one call of a thread takes. */
const FILES_AT_ONCE = 64
const BYTES_AT_ONCE = 8 * 2 ** 20
/** Hashes of hard links, by etag: the file is the same one under each name. */
const MOST_LINKS = 10_000

export class FoundReader {
  readonly #scanned: ScannedBackend
  readonly #links = new Map<string, Checksums>()
  /** what was read since syncs were let go first */
  #since = { files: 0, bytes: 0 }
  #givingWay: Promise<void> | null = null

  constructor(scanned: ScannedBackend) {
    this.#scanned = scanned
  }

  /** One answer each, in order. @throws StoredError ABORTED, and of the backend where it cannot be read at all */
  async read(entries: readonly BackendEntry[]): Promise<FoundRead[]> {
    const { backend, budget } = this.#scanned
    if (!backend.pathOf) return this.#each(entries, (entry) => this.#readThrough(entry))
    const known = await this.#each(entries, (entry) => knownElsewhere(this.#scanned, entry), ASKED_AT_ONCE)
    const unread = this.#withoutTwins(entries.filter((_, index) => known[index] === undefined))
    const atOnce = Math.min(BYTES_AT_ONCE, budget.atOnce)
    const small = unread.filter(({ size }) => size <= budget.atOnce)
    const large = unread.filter(({ size }) => size > budget.atOnce)
    const answers = (await this.#each(batches(small, atOnce), (batch) => this.#readLocal(batch))).flat()
    answers.push(...(await this.#each(large, (entry) => this.#readThrough(entry))))
    const read = new Map([...small, ...large].map((entry, index) => [entry, answers[index]!]))
    return entries.map((entry, index) => known[index] ?? read.get(entry) ?? this.#asLinked(entry))
  }

  /**
   * By key, what the backend itself has compared with the bytes: a look at a file is cheap beside reading it. Asked where the listing says that there is such a
   * thing, and, where files are to be read otherwise, also where it does not say.
   */
  async askVouched(entries: readonly BackendEntry[], { hash }: { hash: boolean }): Promise<Map<string, FoundRead>> {
    const { backend } = this.#scanned
    const told = new Map<string, FoundRead>()
    if (!backend.vouches) return told
    const asked = entries.filter(({ vouched }) => vouched ?? hash)
    const ask = async (entry: BackendEntry): Promise<void> => {
      const state = await statFound(this.#scanned, entry.key)
      const checksums = state && isSameState(state, entry) ? this.#vouched(state) : null
      if (checksums) told.set(entry.key, { type: "read", checksums })
    }
    await this.#each(asked, ask, ASKED_AT_ONCE)
    return told
  }

  /** What the backend vouches for; absent: nothing, or not all that is wanted. */
  told(state: BackendStat): FoundRead | undefined {
    const checksums = this.#vouched(state)
    return checksums ? { type: "read", checksums } : undefined
  }

  /** Null where it does not have all that are wanted. */
  #vouched({ checksums }: BackendStat): Checksums | null {
    const { services } = this.#scanned
    return checksums && services.config.checksums.every((name) => checksums[name] !== undefined) ? checksums : null
  }

  /** Of several names of one file only the first. */
  #withoutTwins(entries: readonly BackendEntry[]): BackendEntry[] {
    const seen = new Set<string>()
    return entries.filter(({ linked, etag }) => {
      if (!linked || etag === undefined) return true
      if (seen.has(etag) || this.#links.has(etag)) return false
      seen.add(etag)
      return true
    })
  }

  #asLinked({ etag = "" }: BackendEntry): FoundRead {
    const checksums = this.#links.get(etag)
    return checksums ? { type: "read", checksums } : { type: "moving" }
  }

  /** Syncs go first, whenever so much was read as one call takes. A few files that somebody has just written are read at once. */
  async #giveWay(files: number, bytes: number): Promise<void> {
    const { services, signal } = this.#scanned
    this.#since.files += files
    this.#since.bytes += bytes
    if (this.#since.files >= FILES_AT_ONCE || this.#since.bytes >= BYTES_AT_ONCE) {
      this.#since = { files: 0, bytes: 0 }
      this.#givingWay ??= giveWay(services, signal).finally(() => {
        this.#givingWay = null
      })
    }
    await this.#givingWay
  }

  async #each<Item, Answer>(
    items: readonly Item[],
    read: (item: Item) => Promise<Answer>,
    atOnce = AT_ONCE,
  ): Promise<Answer[]> {
    const answers: Answer[] = new Array(items.length)
    let next = 0
    const work = async (): Promise<void> => {
      while (next < items.length) {
        const index = next++
        answers[index] = await read(items[index]!)
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work))
    return answers
  }

  async #readLocal(batch: readonly BackendEntry[]): Promise<FoundRead[]> {
    const { backend, services, hashFiles, signal, budget } = this.#scanned
    await this.#giveWay(batch.length, bytesOf(batch))
    await budget.take(bytesOf(batch), signal)
    const paths = batch.map((entry) => backend.pathOf!(entry.key))
    const answers = await hashFiles({ paths, algorithms: services.config.checksums }, signal)
    return batch.map((entry, index) => {
      const answer = answers[index]!
      if (answer.type === "unreadable") return answer
      if (answer.type !== "hashed" || !isSameState(answer.state, entry)) return { type: "moving" }
      this.#keepLinked(entry, answer.checksums)
      return { type: "read", checksums: answer.checksums }
    })
  }

  #keepLinked({ linked, etag }: BackendEntry, checksums: Checksums): void {
    if (!linked || etag === undefined) return
    if (this.#links.size >= MOST_LINKS) this.#links.clear()
    this.#links.set(etag, checksums)
  }

  async #readThrough(entry: BackendEntry): Promise<FoundRead> {
    const { backend, services, signal, budget } = this.#scanned
    const vouched = this.#vouched(entry)
    if (vouched) return { type: "read", checksums: vouched }
    await this.#giveWay(1, entry.size)
    // What was read before takes its time; each piece of this is taken as it comes.
    await budget.take(0, signal)
    try {
      const running = services.config.checksums.map((name) => [name, services.hashers.create(name)] as const)
      const all = { update: (bytes: Uint8Array) => running.forEach(([, hasher]) => void hasher.update(bytes)) }
      const size = await readStream(await backend.get(entry.key, { signal }), all, { budget, signal })
      const after = await backend.stat(entry.key, { signal })
      if (size !== entry.size || !after || !isSameState(after, entry)) return { type: "moving" }
      const checksums = Object.fromEntries(running.map(([name, hasher]) => [name, hasher.digest()]))
      this.#keepLinked(entry, checksums)
      return { type: "read", checksums }
    } catch (error) {
      if (isStoredError(error) && error.code === "NOT_FOUND") return { type: "moving" }
      if (signal.aborted || toStoredError(error).retryable) throw error
      return { type: "unreadable", error: toStoredError(error).message }
    }
  }
}

/** Calls under way at the same time: of those that read, and of those that only ask. */
const AT_ONCE = 4
const ASKED_AT_ONCE = 16

/** @param most bytes of one */
function batches(entries: readonly BackendEntry[], most: number): BackendEntry[][] {
  const made: BackendEntry[][] = []
  let current: BackendEntry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (current.length > 0 && (current.length >= FILES_AT_ONCE || bytes + entry.size > most)) {
      made.push(current)
      current = []
      bytes = 0
    }
    current.push(entry)
    bytes += entry.size
  }
  if (current.length > 0) made.push(current)
  return made
}

function bytesOf(entries: readonly BackendEntry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0)
}

/** The checksum that makes ids. */
export function idAlgorithm({ services }: ScannedBackend): IdAlgorithm {
  return services.config.checksums[0] as IdAlgorithm
}
