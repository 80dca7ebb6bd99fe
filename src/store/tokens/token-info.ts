/** What is told of a token. */
import type { TokenRecord } from "../../catalog/record.ts"
import type { StoreServices } from "../services.ts"
import type { TokenInfo } from "./tokens-face.ts"

export type TokenServices = Pick<StoreServices, "catalog" | "tokens" | "clock">

export function tokenInfo({ catalog, tokens, clock }: TokenServices, record: TokenRecord): TokenInfo {
  const { id, name, scopes, prefixes, backends, rate, quota, created, expires, revoked, former } = record
  return {
    id,
    name,
    scopes: [...scopes],
    prefixes: prefixes && [...prefixes],
    backends: backends && [...backends],
    rate: rate && { ...rate },
    quota: quota && { ...quota },
    usage: catalog.tokens.usage(id),
    created,
    expires,
    revoked,
    lastUsed: tokens.lastUsed(record),
    overlapUntil: former !== null && clock.now() < former.until ? former.until : null,
  }
}
