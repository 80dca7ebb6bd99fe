/** The verbs about tokens, bound together. */
import type { TokenRecord } from "../../catalog/record.ts"
import { NotFoundError } from "../../core/error.ts"
import { digestSecret, joinToken, makeSecret } from "../../core/token.ts"
import { parseSettings, rotationSchema } from "../../core/token-settings.ts"
import { checkOptions } from "../check-options.ts"
import { onceOf, requestName } from "../running-requests.ts"
import type { StoreServices } from "../services.ts"
import { createToken } from "./create-token.ts"
import { tokenInfo } from "./token-info.ts"
import type { IssuedToken, RotationSettings, TokenActor, TokenInfo, TokenIssue, TokensControl } from "./tokens-face.ts"

/** @param guard what every verb of the store runs in */
export function tokensOf(
  services: StoreServices,
  guard: <Result>(work: () => Promise<Result> | Result) => Promise<Result>,
): TokensControl {
  const { catalog, tokens } = services
  return {
    create: (settings, actor) => guard(() => createToken(services, settings, checkOptions("token", actor))),
    list: () => Array.from(catalog.tokens.list(), (record) => tokenInfo(services, record)),
    get: (id) => tokenInfo(services, known(catalog.tokens.get(String(id)), id)),
    rotate: (id, options) => guard(() => rotate(services, id, options)),
    revoke: (id, actor) => guard(() => revoke(services, id, checkOptions("token", actor))),
    verify: (token) => tokens.verify(token),
    isGood: (id) => tokens.isGood(id),
    isEmpty: () => tokens.isEmpty,
  }
}

/** @throws StoredError NOT_FOUND, CONFLICT, KEY_REUSED, INVALID_INPUT */
async function rotate(
  services: StoreServices,
  id: string,
  options: RotationSettings & TokenIssue = {},
): Promise<IssuedToken> {
  checkOptions("token", options)
  const { principal, requestId, idempotencyKey, ...settings } = options
  const { overlap = 0 } = parseSettings(rotationSchema, settings)
  const { catalog, tokens, clock } = services
  const actor = actorOf({ principal, requestId, idempotencyKey })
  const name = requestName("token-rotate", actor)
  const secret = makeSecret()
  const rotated = await services.requests.alone(name, () => {
    const time = clock.now()
    return catalog.tokens.rotate({
      id: String(id),
      digest: digestSecret(secret),
      ...(overlap > 0 && { until: time + overlap }),
      ...onceOf(name, { id: String(id), overlap }),
      time,
      ...actor,
    })
  })
  tokens.keep(rotated)
  return { ...tokenInfo(services, rotated), token: joinToken(rotated.id, secret) }
}

/** @throws StoredError NOT_FOUND */
async function revoke(services: StoreServices, id: string, actor: TokenActor = {}): Promise<TokenInfo> {
  const { catalog, tokens, clock } = services
  const revoked = await catalog.tokens.revoke({ id: String(id), time: clock.now(), ...actorOf(actor) })
  tokens.keep(revoked)
  return tokenInfo(services, revoked)
}

function actorOf({
  principal,
  requestId,
  idempotencyKey,
}: { [Name in keyof TokenIssue]: TokenIssue[Name] | undefined }): TokenIssue {
  return {
    ...(principal !== undefined && { principal }),
    ...(requestId !== undefined && { requestId }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  }
}

function known(record: TokenRecord | null, id: unknown): TokenRecord {
  if (record) return record
  throw new NotFoundError(`There is no token ${JSON.stringify(id)}.`, { details: { token: String(id) } })
}
