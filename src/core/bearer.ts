/** Whether a request bears a token that opens what it asks for, in a time that does not depend on where a wrong one differs. */
import { createHash, timingSafeEqual } from "node:crypto"

/**
 * @param authorization the header as it came
 * @param tokens any of them will do; none: nobody may
 */
export function bearsToken(authorization: string | undefined, tokens: readonly string[]): boolean {
  return isToken(/^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "", tokens)
}

/** Whether that is one of them; digests of one length are compared, and all of them are. */
export function isToken(given: string, tokens: readonly string[]): boolean {
  const shown = digest(given)
  return tokens.map((token) => timingSafeEqual(shown, digest(token))).includes(true)
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
