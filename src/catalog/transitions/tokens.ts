/** Tokens come, get another secret, and are revoked. The journal tells who did it, and never a secret or its digest. */
import { ConflictError, NotFoundError, StoredError } from "../../core/error.ts"
import type { JsonObject } from "../../core/json.ts"
import type { Actor } from "../catalog.ts"
import type { Once } from "../copy-fact.ts"
import type { TokenRecord } from "../record.ts"
import { namespaceKey } from "../rows/key.ts"
import type { ReadRows, Rows } from "../rows/rows.ts"
import { append } from "./journal.ts"
import { namespacesOf, releaseNamespaces } from "./namespaces.ts"
import { once } from "./once.ts"
import { count } from "./totals.ts"

export interface RotationFact extends Actor {
  /** the request is to be done once */
  once?: Once
  id: string
  /** of the new secret */
  digest: string
  /** UTC ms until which the one before is good too; absent: it is good no more */
  until?: number
  /** UTC ms */
  time: number
}

export interface RevocationFact extends Actor {
  id: string
  /** UTC ms */
  time: number
}

/**
 * A secret is given to whoever asked first. Only its digest is kept, so that a request which is sent again cannot be answered alike: it changes nothing, and is told which
 * token it was about. What is kept of it is the id alone.
 * @throws StoredError KEY_REUSED; CONFLICT where it was done before; and what `act` throws
 */
export function issueOnce(
  rows: Rows,
  request: { once?: Once | undefined; time: number },
  act: () => TokenRecord,
): TokenRecord {
  let issued: TokenRecord | null = null
  const { id } = once(rows, { ...(request.once && { once: request.once }), time: request.time }, () => {
    issued = act()
    return { id: issued.id }
  })
  if (issued !== null) return issued
  throw new ConflictError(
    `This request has given the token ${id} its secret already, which is shown once; where that answer was lost, rotate the token, or revoke it, with another Idempotency-Key.`,
    { details: { token: id } },
  )
}

/** @throws StoredError CONFLICT where there is one of that id, or what lies in its namespace is not counted (retryable) */
export function createToken(rows: Rows, token: TokenRecord, actor: Actor): TokenRecord {
  if (rows.get("tokens", token.id) !== null)
    throw new ConflictError(`There is a token ${token.id} already; make another one.`, { retryable: true })
  for (const prefix of namespacesOf(token)) {
    if (rows.get("namespaces", namespaceKey(prefix))?.countedTo === null) continue
    throw new ConflictError(`What lies under "${prefix}" was not counted; try again.`, { retryable: true })
  }
  rows.put("tokens", token.id, token)
  count(rows, { tokens: 1 })
  const { id, name, scopes, prefixes, backends, expires } = token
  const detail: JsonObject = { token: id, name, scopes, prefixes, backends, expires, ...limitsOf(token) }
  append(rows, { command: "token-create", time: token.created, actor, detail })
  return token
}

function limitsOf({ rate, quota }: TokenRecord): JsonObject {
  return { ...(rate && { rate: { ...rate } }), ...(quota && { quota: { ...quota } }) }
}

/** Whoever bore the secret before the last one is out: two are good at most. @throws StoredError NOT_FOUND, CONFLICT where it is revoked or has expired */
export function rotateToken(rows: Rows, { once: _, id, digest, until, time, ...actor }: RotationFact): TokenRecord {
  const token = known(rows, id)
  if (token.revoked !== null)
    throw new ConflictError(`The token ${id} is revoked; create another one.`, { details: { token: id } })
  if (token.expires !== null && token.expires <= time)
    throw new ConflictError(`The token ${id} has expired; create another one.`, { details: { token: id } })
  const former = until === undefined ? null : { digest: token.digest, until }
  const rotated: TokenRecord = { ...token, digest, former }
  rows.put("tokens", id, rotated)
  append(rows, { command: "token-rotate", time, actor, detail: { token: id, until: until ?? null } })
  return rotated
}

/** Said twice, it is as said once. @throws StoredError NOT_FOUND */
export function revokeToken(rows: Rows, { id, time, ...actor }: RevocationFact): TokenRecord {
  const token = known(rows, id)
  if (token.revoked !== null) return token
  const revoked: TokenRecord = { ...token, former: null, revoked: time }
  rows.put("tokens", id, revoked)
  releaseNamespaces(rows, token)
  append(rows, { command: "token-revoke", time, actor, detail: { token: id } })
  return revoked
}

/** When tokens were used last, kept roughly: no journal record. */
export function recordUses(rows: Rows, uses: ReadonlyMap<string, number>): void {
  for (const [id, lastUsed] of uses) {
    const token = rows.get("tokens", id)
    if (token && (token.lastUsed ?? 0) < lastUsed) rows.put("tokens", id, { ...token, lastUsed })
  }
}

/** A token that is good still. @throws StoredError UNAUTHENTICATED */
export function requireToken(rows: ReadRows, id: string): TokenRecord {
  const token = rows.get("tokens", id)
  if (token && token.revoked === null) return token
  throw new StoredError("UNAUTHENTICATED", "The token was revoked meanwhile; ask for another one.")
}

function known(rows: ReadRows, id: string): TokenRecord {
  const token = rows.get("tokens", id)
  if (token) return token
  throw new NotFoundError(`There is no token ${JSON.stringify(id)}.`, { details: { token: id } })
}
