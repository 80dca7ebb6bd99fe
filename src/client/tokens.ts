/** Bearer tokens of a server. */
import { StoredError } from "../core/error.ts"
import { splitToken } from "../core/token.ts"
import { checkOptions } from "../store/check-options.ts"
import type { IssuedToken, RotationSettings, TokenInfo, TokenIssue, TokenSettings } from "../store/store.ts"
import type { Link } from "./link.ts"
import { onceHeaders } from "./once.ts"
import { jsonBody } from "./send-body.ts"

const PATH = "/v1/tokens"

/** @throws StoredError INVALID_INPUT, `details.issues` has every mistake */
export async function createToken(link: Link, settings: TokenSettings, issue: TokenIssue = {}): Promise<IssuedToken> {
  const headers = onceHeaders(checkOptions("token", issue))
  return link.json<IssuedToken>({ method: "POST", path: PATH, headers, body: jsonBody(settings ?? null) })
}

export async function listTokens(link: Link): Promise<TokenInfo[]> {
  return (await link.json<{ tokens: TokenInfo[] }>({ path: PATH })).tokens
}

/** @throws StoredError NOT_FOUND */
export async function getToken(link: Link, id: string): Promise<TokenInfo> {
  return link.json<TokenInfo>({ path: pathOf(id) })
}

/** @throws StoredError NOT_FOUND, CONFLICT, KEY_REUSED */
export async function rotateToken(
  link: Link,
  id: string,
  options: RotationSettings & TokenIssue = {},
): Promise<IssuedToken> {
  const {
    principal: _principal,
    requestId: _requestId,
    idempotencyKey: _key,
    ...settings
  } = checkOptions("token", options)
  const headers = onceHeaders(options)
  return link.json<IssuedToken>({ method: "POST", path: `${pathOf(id)}/rotate`, headers, body: jsonBody(settings) })
}

/** @throws StoredError NOT_FOUND */
export async function revokeToken(link: Link, id: string): Promise<TokenInfo> {
  return link.json<TokenInfo>({ method: "DELETE", path: pathOf(id) })
}

/** A whole token where its id is meant would stand in the logs of everything on the way. @throws StoredError INVALID_INPUT */
function pathOf(id: string): string {
  if (typeof id === "string" && id !== "" && splitToken(id) === null) return `${PATH}/${encodeURIComponent(id)}`
  throw new StoredError("INVALID_INPUT", "Name a token by its id: what stands before the dot.")
}
