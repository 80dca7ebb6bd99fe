/** Tokens over any engine: the part of the row catalog that is about them. */
import type { Actor, Page } from "./catalog.ts"
import type { Once } from "./copy-fact.ts"
import type { TokenRecord, Usage } from "./record.ts"
import type { ReadRows, Rows } from "./rows/rows.ts"
import type { TokenCatalog } from "./token-catalog.ts"
import { countNamespace, usageOf } from "./transitions/namespaces.ts"
import {
  createToken,
  issueOnce,
  type RevocationFact,
  type RotationFact,
  recordUses,
  revokeToken,
  rotateToken,
} from "./transitions/tokens.ts"

/** `frees`: what is taken away from somebody must not wait for a disk that is full. */
type Commit = <Result>(options: { frees: boolean }, transition: (rows: Rows) => Result) => Promise<Result>

const GROWS = { frees: false }
const FREES = { frees: true }

export class RowTokens implements TokenCatalog {
  readonly #rows: ReadRows
  readonly #commit: Commit

  constructor(rows: ReadRows, commit: Commit) {
    this.#rows = rows
    this.#commit = commit
  }

  create(token: TokenRecord, actor: Actor, request?: Once): Promise<TokenRecord> {
    const time = token.created
    return this.#commit(GROWS, (rows) =>
      issueOnce(rows, { once: request, time }, () => createToken(rows, token, actor)),
    )
  }

  rotate(fact: RotationFact): Promise<TokenRecord> {
    return this.#commit(FREES, (rows) => issueOnce(rows, fact, () => rotateToken(rows, fact)))
  }

  revoke(fact: RevocationFact): Promise<TokenRecord> {
    return this.#commit(FREES, (rows) => revokeToken(rows, fact))
  }

  noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    return this.#commit(GROWS, (rows) => recordUses(rows, uses))
  }

  countNamespace(namespace: { prefix: string; limit: number }): Promise<boolean> {
    return this.#commit(GROWS, (rows) => countNamespace(rows, namespace))
  }

  get(id: string): TokenRecord | null {
    return this.#rows.get("tokens", id)
  }

  *list(page: Page = {}): Iterable<TokenRecord> {
    for (const [, record] of this.#rows.range("tokens", page)) yield record
  }

  usage(id: string): Usage | null {
    const token = this.get(id)
    return token && token.revoked === null ? usageOf(this.#rows, token) : null
  }
}
