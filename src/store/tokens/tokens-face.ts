/** The verbs of the store about bearer tokens (decision 0016), and what is told of one: everything but its secret. */
import type { Usage } from "../../catalog/record.ts"
import type { Access, Scope } from "../../core/access.ts"
import type { Quota, RequestRate, RotationSettings, TokenSettings } from "../../core/token-settings.ts"

export type { Scope } from "../../core/access.ts"
export type { Quota, RequestRate, RotationSettings, TokenSettings } from "../../core/token-settings.ts"

export interface TokenInfo {
  /** public: what the journal says of who did something is `token:<id>` */
  id: string
  name: string
  scopes: Scope[]
  /** folders that end in a slash, and keys; null: every key */
  prefixes: string[] | null
  /** null: every backend */
  backends: string[] | null
  rate: RequestRate | null
  quota: Quota | null
  /** what lies in its namespace, whoever put it; null where it has no quota, or is revoked */
  usage: Usage | null
  /** UTC ms */
  created: number
  expires: number | null
  revoked: number | null
  /** kept roughly: within half a minute, and lost with a crash */
  lastUsed: number | null
  /** UTC ms until which the secret before the last rotation is good too; null: it is not */
  overlapUntil: number | null
}

/** A token with its secret, which nobody is shown again. */
export interface IssuedToken extends TokenInfo {
  /** `id.secret`, for `Authorization: Bearer` */
  token: string
}

export interface TokenActor {
  principal?: string
  requestId?: string
}

export interface TokenIssue extends TokenActor {
  /**
   * The request has an effect once: within a day the same one is CONFLICT, with `details.token`, for its secret was shown and is not kept. Another one with the same key is KEY_REUSED.
   */
  idempotencyKey?: string
}

type Awaitable<Value> = Value | Promise<Value>

export interface TokensFace {
  /** @throws INVALID_INPUT, `details.issues` has every mistake; CONFLICT, KEY_REUSED, see `idempotencyKey` */
  create(settings: TokenSettings, issue?: TokenIssue): Promise<IssuedToken>
  /** In the order of their ids; revoked ones too. */
  list(): Awaitable<TokenInfo[]>
  /** @throws NOT_FOUND */
  get(id: string): Awaitable<TokenInfo>
  /** Another secret; with `overlap` the one before is good that much longer. @throws NOT_FOUND, KEY_REUSED, CONFLICT where it is revoked or has expired, and as `create` */
  rotate(id: string, options?: RotationSettings & TokenIssue): Promise<IssuedToken>
  /** From the next request on it is good no more. Said twice, it is as said once. @throws NOT_FOUND */
  revoke(id: string, actor?: TokenActor): Promise<TokenInfo>
}

/** What a token lets its bearer do, and how often. */
export interface VerifiedToken {
  access: Access
  rate: RequestRate | null
}

export interface TokensControl extends TokensFace {
  list(): TokenInfo[]
  get(id: string): TokenInfo
  /** Null for what is no token, and for one that is unknown, wrong, revoked or over: nobody is told which, and it takes the same time. */
  verify(token: string): VerifiedToken | null
  /** Whether a token that was verified before would be so still, by its id: for who was let in long ago. */
  isGood(id: string): boolean
  /** Whether there never was one. */
  isEmpty(): boolean
}
