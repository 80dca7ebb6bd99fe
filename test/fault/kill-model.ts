/**
 * What the store was told, and so what it may answer.
 *
 * A key that one client at a time works on has a set of possible states: one after an acknowledged call, one more for every call that got
 * no answer. A shared key takes puts from all clients at once; there the versions in the answers say which came last. What is
 * seen after a restart narrows both: a dead server commits nothing more.
 */

/** a blob id, or null for "no such object" */
export type State = string | null

/** A key that one client at a time changes. */
export class OwnKey {
  readonly key: string
  possible: State[] = [null]

  constructor(key: string) {
    this.key = key
  }

  /** A call begins that may lead to `next`. Returns what to call once it is acknowledged; any answer is right then. */
  begin(next: State): () => null {
    if (!this.possible.includes(next)) this.possible.push(next)
    return () => {
      this.possible = [next]
      return null
    }
  }

  /** Checks what was seen while no call was under way. Returns the fault, or null. */
  observe(seen: State): string | null {
    if (!this.possible.includes(seen)) {
      return `${this.key} is ${seen ?? "absent"}, but must be ${this.possible.map((state) => state ?? "absent").join(" or ")}`
    }
    this.possible = [seen]
    return null
  }
}

/** A key that many clients put to at once, and nobody deletes. */
export class SharedKey {
  readonly key: string
  #top: { version: number; id: string } | null = null
  readonly #versions = new Map<number, string>()
  readonly #unanswered = new Set<string>()

  constructor(key: string) {
    this.key = key
  }

  /** A put begins. Returns what to call with the version of its answer; that says what is wrong with it, or null. */
  begin(id: string): (version: number) => string | null {
    this.#unanswered.add(id)
    return (version) => {
      const before = this.#versions.get(version)
      this.#versions.set(version, id)
      if (!this.#top || version > this.#top.version) this.#top = { version, id }
      return before === undefined ? null : `${this.key} gave version ${version} to two puts`
    }
  }

  /** Checks what was seen while no put was under way. Returns the fault, or null. */
  observe(seen: { version: number; id: string } | null): string | null {
    const fault = this.#judge(seen)
    if (fault) return fault
    this.#top = seen
    this.#versions.clear()
    this.#unanswered.clear()
    if (seen) this.#versions.set(seen.version, seen.id)
    return null
  }

  #judge(seen: { version: number; id: string } | null): string | null {
    if (!seen) return this.#top ? `${this.key} is absent, but version ${this.#top.version} was acknowledged` : null
    const acked = this.#top?.version ?? 0
    if (seen.version < acked) return `${this.key} fell back to version ${seen.version} from ${acked}`
    if (seen.version === acked) {
      return seen.id === this.#top?.id ? null : `${this.key} has ${seen.id} as version ${acked}, not ${this.#top?.id}`
    }
    return this.#unanswered.has(seen.id) ? null : `${this.key} has ${seen.id}, which nobody put`
  }
}
