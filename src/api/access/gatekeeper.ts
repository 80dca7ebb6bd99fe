/**
 * Who a request is from (decision 0016). Looked at before anything else of it, and before its body is read: an absent, a malformed, an unknown, a wrong, a revoked and an expired token
 * are told the same.
 *
 * A server that was never given a token, by its environment or by `tokens.create`, asks for none; it is kept on the loopback address (`listening.ts`). From the first one on every request
 * needs one, also when all are revoked: what is closed never opens by itself.
 */
import { type Access, ANONYMOUS, ROOT } from "../../core/access.ts"
import { isToken } from "../../core/bearer.ts"
import { StoredError } from "../../core/error.ts"
import type { RequestRate } from "../../core/token-settings.ts"
import type { TokensControl } from "../../store/store.ts"
import { Buckets, neighbourhood } from "./buckets.ts"
import type { Caller } from "./caller.ts"

/** Wrong tokens that an address may show before it is told to wait. */
const WRONG: RequestRate = { perSecond: 1 / 3, burst: 20 }

export interface GatekeeperOptions {
  /** `STORED_ADMIN_TOKEN`; null: there is none */
  root: string | null
  /** throws CLOSED while there is no store */
  tokens(): Pick<TokensControl, "verify" | "isEmpty">
  /** ms that never go back */
  now?: () => number
}

export class Gatekeeper {
  readonly #root: string | null
  readonly #tokens: GatekeeperOptions["tokens"]
  readonly #rates: Buckets
  readonly #wrong: Buckets

  constructor({ root, tokens, now }: GatekeeperOptions) {
    this.#root = root
    this.#tokens = tokens
    this.#rates = new Buckets(now)
    this.#wrong = new Buckets(now)
  }

  /** Whether nobody is asked for a token. @throws StoredError CLOSED */
  get isOpen(): boolean {
    return this.#root === null && this.#tokens().isEmpty()
  }

  /** @throws StoredError UNAUTHENTICATED, TOO_MANY_REQUESTS with `details.retryAfter` in s, CLOSED */
  admit({ authorization, address }: Caller): Access {
    if (this.#root !== null && this.bears({ authorization, address }, this.#root)) return ROOT
    if (this.isOpen) return ANONYMOUS
    const shown = bearerOf(authorization)
    const verified = shown === null ? null : this.#tokens().verify(shown)
    if (verified === null) throw this.refusal({ authorization, address })
    this.charge(verified.access.principal, verified.rate)
    return verified.access
  }

  /**
   * Whether somebody bears a token of the configuration. What a person has chosen can be guessed: it is not even looked at from where many wrong ones came. What was made here cannot, and whoever
   * bears it is not kept out by a neighbour. Nothing is counted yet: `refusal` does.
   */
  bears({ authorization, address }: Caller, token: string): boolean {
    const shown = bearerOf(authorization)
    return shown !== null && this.mayTry(address) && isToken(shown, [token])
  }

  /** Whether a secret that comes from there is looked at. */
  mayTry(address: string): boolean {
    return !this.#wrong.isSpent(neighbourhood(address), WRONG)
  }

  /** What to tell whoever bears nothing that opens a door, whichever it is. What was shown counts as wrong, of all doors together; nothing shown is no guess. UNAUTHENTICATED or TOO_MANY_REQUESTS */
  refusal({ authorization, address }: Caller): StoredError {
    if (bearerOf(authorization) === null)
      return unauthenticated("This server asks for a token: send it as Authorization: Bearer.")
    const wait = this.#wrong.take(neighbourhood(address), WRONG)
    if (wait > 0) return tooMany("Too many wrong tokens came from this address; wait.", wait)
    return unauthenticated("The token is none that is good here; ask whoever runs this server for another one.")
  }

  /** Takes a request from a token's rate. @param rate null: it has none. @throws StoredError TOO_MANY_REQUESTS */
  charge(principal: string, rate: RequestRate | null): void {
    const wait = rate === null ? 0 : this.#rates.take(principal, rate)
    if (wait > 0) throw tooMany("This token sends more requests than it may; wait.", wait)
  }
}

/** Null where there is none. */
function bearerOf(authorization: string | undefined): string | null {
  return /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? (authorization === undefined ? null : "")
}

function unauthenticated(message: string): StoredError {
  return new StoredError("UNAUTHENTICATED", message)
}

/** @param wait ms */
export function tooMany(message: string, wait: number): StoredError {
  const retryAfter = Math.max(1, Math.ceil(wait / 1_000))
  return new StoredError("TOO_MANY_REQUESTS", message, { retryable: true, details: { retryAfter } })
}
