/**
 * A world for the catalog: folders that people work in, honest workers and scanners beside them. Everything takes its time: what was seen, or done, is told to
 * the catalog only later, and by then it may be true no more.
 */
import type { Catalog, Outcome } from "../../src/catalog/catalog.ts"
import type { LocationRecord } from "../../src/catalog/record.ts"
import type { FoundContent, SightingsFact } from "../../src/catalog/sightings.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import { done, FAULT, idOf } from "./catalog.facts.ts"

export interface Folder {
  name: string
  /** of the keys of what is found there */
  prefix: string
  mode: "observe" | "enforce"
}

interface File {
  content: string
  modified: number
  /** which file it is */
  number: number
}

interface Job {
  outcome: Extract<Outcome, { kind: "sync" }>
}

export class World {
  readonly folders: readonly Folder[]
  readonly #catalog: Catalog
  readonly #files = new Map<string, Map<string, File>>()
  readonly #contents = new Map<BlobId, string>()
  /** jobs that are done, and of which nobody has told yet */
  readonly jobs: Job[] = []
  /** looks that were taken, and of which nobody has told yet */
  readonly looks: SightingsFact[] = []
  #tick = 0

  constructor(catalog: Catalog, folders: readonly Folder[], contents: readonly string[]) {
    this.#catalog = catalog
    this.folders = folders
    for (const { name } of folders) this.#files.set(name, new Map())
    for (const content of contents) this.#contents.set(idOf(content), content)
  }

  get now(): number {
    return this.#tick
  }

  async open(): Promise<void> {
    for (const { name, mode } of this.folders)
      await this.#catalog.commitBackend({ name, driver: "fs", config: { mode }, created: 1 }, {})
  }

  files(folder: string): Map<string, File> {
    return this.#files.get(folder)!
  }

  contentAt(folder: string, key: string): string | null {
    return this.files(folder).get(key)?.content ?? null
  }

  /** Into the same file, or a new one; undone where `content` is null. */
  write(folder: string, key: string, content: string | null, anew: boolean): void {
    this.#tick += 1
    const before = this.files(folder).get(key)
    if (content === null) this.files(folder).delete(key)
    else {
      const number = before && !anew ? before.number : this.#tick
      this.files(folder).set(key, { content, modified: this.#tick, number })
    }
  }

  rename(folder: string, from: string, to: string): void {
    const files = this.files(folder)
    const file = files.get(from)
    if (!file || from === to) return
    files.delete(from)
    files.set(to, file)
  }

  swap(folder: string, one: string, other: string): void {
    const files = this.files(folder)
    const [first, second] = [files.get(one), files.get(other)]
    if (!first || !second) return
    files.set(one, second)
    files.set(other, first)
  }

  touch(folder: string, key: string): void {
    const content = this.contentAt(folder, key)
    if (content !== null) this.write(folder, key, content, false)
  }

  /** Takes a look at places; what was read is what lies there now. */
  look(
    folder: string,
    keys: readonly string[],
    options: { read: boolean; page?: SightingsFact["page"] },
  ): SightingsFact {
    const { prefix } = this.folders.find(({ name }) => name === folder)!
    const sightings = keys.map((key) => ({
      key,
      generation: this.#catalog.location(folder, key)?.generation ?? null,
      found: this.#found(folder, key, options.read),
    }))
    const asOf = this.#catalog.lastSequence()
    return {
      backend: folder,
      asOf,
      sightings,
      prefix,
      hash: true,
      time: this.now,
      ...(options.page && { page: options.page }),
    }
  }

  #found(folder: string, key: string, read: boolean): FoundContent | null {
    const file = this.files(folder).get(key)
    if (!file) return null
    const { content, modified, number } = file
    const state = { size: content.length, modified, etag: `${number}-${modified}`, file: String(number) }
    return { ...state, id: read ? idOf(content) : null, checksums: {}, mimeType: "text/plain" }
  }

  /** Every place that is there, or that the catalog knows. */
  places(folder: string): string[] {
    const known = Array.from(this.#catalog.locations(folder), ({ key }) => key)
    return [...new Set([...this.files(folder).keys(), ...known])].sort()
  }

  /** Carries out the first due job of a folder, unless one of that place is under way; false: there is none. Its outcome is told later. */
  work(folder: string, fails = false): boolean {
    const due = this.#catalog.due(`sync-${folder}`, { now: Number.MAX_SAFE_INTEGER, limit: 100 })
    for (const { payload } of due) {
      if (payload.kind !== "sync") continue
      const { backend, key, generation } = payload
      if (this.jobs.some(({ outcome }) => outcome.backend === backend && outcome.key === key)) continue
      const location = this.#catalog.location(backend, key)!
      const result = this.#makeTrue(location)
      const failed = { type: "retry" as const, dueAt: this.now, error: FAULT, countAttempt: true }
      this.jobs.push({ outcome: { kind: "sync", backend, key, generation, result: fails ? failed : result } })
      return true
    }
    return false
  }

  #makeTrue({ backend, key, want }: LocationRecord): Job["outcome"]["result"] {
    if (want === null) {
      this.write(backend, key, null, false)
      return done(null)
    }
    const content = this.#contents.get(want)
    const there = this.contentAt(backend, key)
    if (content === undefined || (there !== content && !this.#hasSource(want, content)))
      return { type: "park", error: { ...FAULT, retryable: false } }
    if (there !== content) this.write(backend, key, content, true)
    const { size, modified, etag, file } = this.#found(backend, key, true)!
    return {
      type: "done",
      have: want,
      verified: { at: this.now, by: "checksum" },
      seen: { size, modified, etag: etag!, file: file! },
    }
  }

  #hasSource(id: BlobId, content: string): boolean {
    if (this.#catalog.blob(id)?.staged) return true
    for (const { backend, key, state } of this.#catalog.locationsOf(id))
      if (state === "synced" && this.contentAt(backend, key) === content) return true
    return false
  }

  /** Tells what became of a job. */
  async tellJob(index: number): Promise<void> {
    const [job] = this.jobs.splice(index % Math.max(this.jobs.length, 1), 1)
    if (job) await this.#catalog.commitOutcomes([job.outcome], this.now)
  }

  /** A reader opens the copy of a place, and tells what is wrong with it. */
  async read(folder: string, key: string): Promise<void> {
    const location = this.#catalog.location(folder, key)
    if (!location?.want || location.state !== "synced") return
    const there = this.contentAt(folder, key)
    const content = this.#contents.get(location.want)
    if (there !== null && (content === undefined || there === content)) return
    const state = there === null ? "missing" : "corrupt"
    await this.#catalog.commitDrift({ backend: folder, key, state, repair: true, time: this.now })
  }
}
