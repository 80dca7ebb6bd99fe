/**
 * What a catalog should do, as simply as it can be said: maps that are searched from end to end, with none of the indexes and counts that the
 * catalog keeps. The model test runs both side by side.
 */
import type { BlobId } from "../../src/core/blob-id.ts"

interface Place {
  backend: string
  key: string
  objectKey: string
  want: BlobId | null
  proven: boolean
  parked: boolean
  /** found missing or bad since it was driven last: a put drives it again */
  drifted: boolean
  generation: number
  attempts: number
}

export type OutcomeKind = "done" | "wrong" | "retry" | "park" | "late"

export class CatalogModel {
  readonly objects = new Map<string, { id: BlobId; version: number; backends: string[] }>()
  readonly places = new Map<string, Place>()
  readonly staged = new Set<BlobId>()
  readonly #lastVersions = new Map<string, number>()
  readonly #lastGenerations = new Map<string, number>()

  put(key: string, id: BlobId, backends: string[]): void {
    const before = this.objects.get(key)
    const version = (this.#lastVersions.get(key) ?? 0) + 1
    this.#lastVersions.set(key, version)
    this.objects.set(key, { id, version, backends })
    // What is under way for a copy of bytes that were not staged may have looked for them in vain: it no longer counts.
    const fresh = !this.staged.has(id)
    this.staged.add(id)
    for (const backend of backends) this.#want(backend, key, id, fresh)
    for (const backend of before?.backends ?? []) if (!backends.includes(backend)) this.#retire(backend, key)
  }

  /** @returns the code of what the catalog should throw, null where it should do it */
  copy(from: string, to: string, backends: string[], moves: boolean): string | null {
    const source = this.objects.get(from)
    if (!source) return "NOT_FOUND"
    if (!this.staged.has(source.id)) return "CONFLICT"
    this.put(to, source.id, backends)
    if (moves) this.delete(from)
    return null
  }

  delete(key: string): boolean {
    const before = this.objects.get(key)
    if (!before) return false
    this.#lastVersions.set(key, before.version + 1)
    this.objects.delete(key)
    for (const backend of before.backends) this.#retire(backend, key)
    return true
  }

  /** @returns what the catalog should answer */
  outcome(backend: string, key: string, generation: number, result: OutcomeKind): string {
    const place = this.place(backend, key)
    if (!place) return "gone"
    if (result === "late" && place.parked) return "applied"
    if (result === "late") {
      this.#drive(place, place.proven ? 0 : place.attempts)
      return "stale"
    }
    if (generation !== place.generation || result === "wrong" || (place.proven && result !== "done")) {
      this.#drive(place, place.parked || place.proven ? 0 : place.attempts)
      return "stale"
    }
    if (place.parked && result !== "done") return "applied"
    if (result === "done" && place.want === null) this.#forget(place)
    else if (result === "done") Object.assign(place, { proven: true, parked: false, drifted: false, attempts: 0 })
    else Object.assign(place, { attempts: place.attempts + 1, parked: result === "park" })
    return "applied"
  }

  evict(id: BlobId): boolean {
    if (!this.isEvictable(id)) return false
    this.staged.delete(id)
    return true
  }

  retryAll(): number {
    const parked = [...this.places.values()].filter((place) => place.parked)
    for (const place of parked) this.#drive(place, 0)
    return parked.length
  }

  drift(backend: string, key: string, repair: boolean): void {
    const place = this.place(backend, key)
    if (!place || place.want === null) return
    this.#drive(place, 0)
    Object.assign(place, { parked: !repair, drifted: true })
  }

  removeBackend(backend: string): void {
    for (const place of [...this.places.values()]) if (place.backend === backend) this.#forget(place)
    for (const object of this.objects.values()) object.backends = object.backends.filter((name) => name !== backend)
  }

  place(backend: string, key: string): Place | undefined {
    return this.places.get(`${backend} ${key}`)
  }

  references(id: BlobId): number {
    return [...this.objects.values()].filter((object) => object.id === id).length
  }

  wanting(id: BlobId): Place[] {
    return [...this.places.values()].filter((place) => place.want === id)
  }

  isKnown(id: BlobId): boolean {
    return this.staged.has(id) || this.references(id) > 0 || this.wanting(id).length > 0
  }

  isEvictable(id: BlobId): boolean {
    const wanting = this.wanting(id)
    if (!this.staged.has(id)) return false
    return wanting.length > 0 ? wanting.every((place) => place.proven) : this.references(id) === 0
  }

  #want(backend: string, key: string, want: BlobId, fresh: boolean): void {
    const place = this.place(backend, key)
    if (!place) {
      const generation = (this.#lastGenerations.get(backend) ?? 0) + 1
      const fresh = {
        backend,
        key,
        objectKey: key,
        want,
        proven: false,
        parked: false,
        drifted: false,
        generation,
        attempts: 0,
      }
      this.places.set(`${backend} ${key}`, fresh)
    } else if (place.want !== want) {
      place.want = want
      this.#drive(place, 0)
    } else if (!place.proven) {
      if (place.parked || place.drifted || fresh) this.#drive(place, 0)
      place.attempts = 0
    }
  }

  #retire(backend: string, key: string): void {
    const place = this.place(backend, key)
    if (!place || place.want === null) return
    place.want = null
    this.#drive(place, 0)
  }

  #drive(place: Place, attempts: number): void {
    Object.assign(place, { generation: place.generation + 1, proven: false, parked: false, drifted: false, attempts })
  }

  #forget(place: Place): void {
    this.places.delete(`${place.backend} ${place.key}`)
    const last = this.#lastGenerations.get(place.backend) ?? 0
    this.#lastGenerations.set(place.backend, Math.max(last, place.generation))
  }
}
