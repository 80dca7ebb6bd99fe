/** The contract of the catalog about bearer tokens and what their quotas are measured by (decision 0016). The duties of the catalog hold here too. */
import type { Actor, Page } from "./catalog.ts"
import type { Once } from "./copy-fact.ts"
import type { TokenRecord, Usage } from "./record.ts"
import type { RevocationFact, RotationFact } from "./transitions/tokens.ts"

export interface TokenCatalog {
  /**
   * Keeps a token; what lies in the namespace of its quota must have been counted. @throws CONFLICT (retryable); KEY_REUSED; CONFLICT where the same
   * request was done before: `details.token`, for what it gave cannot be given again
   */
  create(token: TokenRecord, actor: Actor, once?: Once): Promise<TokenRecord>
  /** The token has another secret. @throws NOT_FOUND, CONFLICT where it is revoked or has expired, and as `create` where the request was done before */
  rotate(fact: RotationFact): Promise<TokenRecord>
  /** The token is good no more, for ever. Said twice, it is as said once. @throws NOT_FOUND */
  revoke(fact: RevocationFact): Promise<TokenRecord>
  /** When tokens were used last, UTC ms by id, roughly; no journal record. */
  noteUses(uses: ReadonlyMap<string, number>): Promise<void>
  /**
   * Counts up to `limit` more objects whose keys begin so, or the one that is called so. True: all of them are, and from then on every commit keeps the count. May be cut off
   * anywhere, and goes on where it was.
   */
  countNamespace(namespace: { prefix: string; limit: number }): Promise<boolean>

  get(id: string): TokenRecord | null
  /** In the order of their ids, revoked ones too. */
  list(page?: Page): Iterable<TokenRecord>
  /** What lies in the namespace of a token that has a quota, whoever put it; null where it has none or is revoked. */
  usage(id: string): Usage | null
}
