/** `tokens.create`: a secret is made, shown once, and kept as its digest. Before a token with a quota is kept, what lies in its namespace is counted. */
import type { Once } from "../../catalog/copy-fact.ts"
import type { TokenRecord } from "../../catalog/record.ts"
import { widest } from "../../core/access-prefix.ts"
import { isStoredError, StoredError } from "../../core/error.ts"
import { digestSecret, joinToken, makeSecret, makeTokenId } from "../../core/token.ts"
import { type CheckedToken, parseSettings, tokenSchema } from "../../core/token-settings.ts"
import { onceOf, requestName } from "../running-requests.ts"
import type { StoreServices } from "../services.ts"
import { tokenInfo } from "./token-info.ts"
import type { IssuedToken, TokenIssue, TokenSettings } from "./tokens-face.ts"

/** Objects that are counted in one transaction. */
const PAGE = 1_000
/** Another token with the same namespace may be revoked between its count and ours. */
const TRIES = 5

/** @throws StoredError INVALID_INPUT, KEY_REUSED, CONFLICT where the same request was done before */
export async function createToken(
  services: StoreServices,
  settings: TokenSettings,
  actor: TokenIssue = {},
): Promise<IssuedToken> {
  const checked = parseSettings(tokenSchema, settings)
  const name = requestName("token-create", actor)
  return services.requests.alone(name, () => issue(services, checked, actor, onceOf(name, checked).once))
}

async function issue(
  services: StoreServices,
  checked: CheckedToken,
  actor: TokenIssue,
  once: Once | undefined,
): Promise<IssuedToken> {
  const { catalog, tokens, clock } = services
  for (let attempt = 1; ; attempt += 1) {
    const secret = makeSecret()
    const record = recordOf(checked, secret, clock.now())
    await countNamespaces(services, record)
    try {
      const kept = await catalog.tokens.create(record, actor, once)
      tokens.keep(kept)
      return { ...tokenInfo(services, kept), token: joinToken(kept.id, secret) }
    } catch (error) {
      if (attempt === TRIES || !isStoredError(error) || error.code !== "CONFLICT" || !error.retryable) throw error
    }
  }
}

function recordOf({ rate, quota, ...checked }: CheckedToken, secret: string, now: number): TokenRecord {
  return {
    id: makeTokenId(),
    name: checked.name,
    scopes: [...new Set(checked.scopes)],
    prefixes: checked.prefixes ? widest(checked.prefixes) : null,
    backends: checked.backends ? [...new Set(checked.backends)] : null,
    digest: digestSecret(secret),
    former: null,
    rate: rate ? { perSecond: rate.perSecond, burst: rate.burst ?? Math.max(1, Math.ceil(rate.perSecond)) } : null,
    quota: quota ? { bytes: quota.bytes ?? null, objects: quota.objects ?? null } : null,
    created: now,
    expires: checked.expiresIn === undefined ? null : now + checked.expiresIn,
    revoked: null,
    lastUsed: null,
  }
}

async function countNamespaces({ catalog, lifecycle }: StoreServices, { quota, prefixes }: TokenRecord): Promise<void> {
  if (quota === null) return
  for (const prefix of prefixes ?? [""]) {
    while (!(await catalog.tokens.countNamespace({ prefix, limit: PAGE }))) {
      if (lifecycle.signal.aborted) throw new StoredError("CLOSED", "The store closes; create the token again.")
    }
  }
}
