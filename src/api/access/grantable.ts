/** Nobody gives away what he does not have: else whoever may make tokens would be a worker by way of one, and see the secrets of backends that nobody is shown. */
import { type Access, authorise, type Scope } from "../../core/access.ts"

/** What a token is to be, or the token whose new secret is asked for, where it reaches no further than whoever asks. @throws StoredError FORBIDDEN */
export function grantable<Token extends { scopes: readonly Scope[] }>(access: Access, token: Token): Token {
  for (const scope of token.scopes) authorise(access, { scope })
  return token
}
