/**
 * The tokens in memory, as they are committed: a request must not wait for a disk, and an unknown id must cost what a known one costs. When one was used is gathered here and
 * committed now and then.
 */
import type { TokenRecord } from "../../catalog/record.ts"
import type { TokenCatalog } from "../../catalog/token-catalog.ts"
import { accessOf } from "../../core/access.ts"
import type { Clock } from "../../core/clock.ts"
import { hasDigest, splitToken } from "../../core/token.ts"
import type { VerifiedToken } from "./tokens-face.ts"

interface Entry {
  record: TokenRecord
  verified: VerifiedToken
}

export class TokenBook {
  readonly #catalog: Pick<TokenCatalog, "list" | "noteUses">
  readonly #clock: Clock
  #entries: Map<string, Entry> | null = null
  #uses = new Map<string, number>()

  constructor(catalog: Pick<TokenCatalog, "list" | "noteUses">, clock: Clock) {
    this.#catalog = catalog
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#all().size === 0
  }

  /** As it was committed. */
  keep(record: TokenRecord): void {
    this.#all().set(record.id, entryOf(record))
  }

  /** When it was used last, committed or not. */
  lastUsed({ id, lastUsed }: TokenRecord): number | null {
    return this.#uses.get(id) ?? lastUsed
  }

  /** Null where it is good for nothing, whatever the reason. */
  verify(text: string): VerifiedToken | null {
    const token = splitToken(text)
    const entry = token && this.#all().get(token.id)
    const now = this.#clock.now()
    const isSecret = hasDigest(token?.secret ?? "", entry ? goodDigests(entry.record, now) : [])
    if (!entry || !isSecret || !isGood(entry.record, now)) return null
    this.#uses.set(entry.record.id, now)
    return entry.verified
  }

  isGood(id: string): boolean {
    const entry = this.#all().get(id)
    return entry !== undefined && isGood(entry.record, this.#clock.now())
  }

  /** Commits when tokens were used. */
  async flush(): Promise<void> {
    if (this.#uses.size === 0) return
    const uses = this.#uses
    this.#uses = new Map()
    await this.#catalog.noteUses(uses)
  }

  #all(): Map<string, Entry> {
    this.#entries ??= new Map(Array.from(this.#catalog.list(), (record) => [record.id, entryOf(record)]))
    return this.#entries
  }
}

function entryOf(record: TokenRecord): Entry {
  const { id, scopes, prefixes, backends, rate } = record
  const access = accessOf({ principal: `token:${id}`, token: id, scopes, prefixes, backends })
  return { record, verified: { access, rate } }
}

function goodDigests({ digest, former }: TokenRecord, now: number): string[] {
  return former !== null && now < former.until ? [digest, former.digest] : [digest]
}

function isGood({ revoked, expires }: TokenRecord, now: number): boolean {
  return revoked === null && (expires === null || now < expires)
}
