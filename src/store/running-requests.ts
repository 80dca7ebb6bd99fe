/**
 * Requests that are to change something once (`Idempotency-Key`, RELIABILITY P10). What came of one is kept in the transaction that does it; here is which ones run
 * now, so that the same one sent twice at once is done once.
 */
import { createHash } from "node:crypto"
import type { Once } from "../catalog/copy-fact.ts"
import { ConflictError, StoredError } from "../core/error.ts"

/** What a caller says of itself and of its request. */
export interface RequestKey {
  /** visible ASCII, at most 255 characters; absent: the request may be done again and again */
  idempotencyKey?: string
  principal?: string
}

export class RunningRequests {
  readonly #names = new Set<string>()

  /**
   * Does something as the only one of its name.
   * @param name null: anybody may
   * @throws StoredError CONFLICT (retryable) where the same request runs already, and what `work` throws
   */
  async alone<Result>(name: string | null, work: () => Promise<Result>): Promise<Result> {
    if (name === null) return work()
    if (this.#names.has(name)) {
      throw new ConflictError("The same request is under way; ask again when it has ended.", { retryable: true })
    }
    this.#names.add(name)
    try {
      return await work()
    } finally {
      this.#names.delete(name)
    }
  }
}

/** The key of one part of a request that is many, or of a request of somebody whom nobody knows: no other request's. @throws StoredError INVALID_INPUT */
export function derivedKey(idempotencyKey: string, part: unknown): string {
  requestName("", { idempotencyKey })
  return digest([idempotencyKey, part])
}

/** The name under which a request is kept: nobody else's, and of no other kind. Null where it has no key. @throws StoredError INVALID_INPUT */
export function requestName(operation: string, { idempotencyKey, principal }: RequestKey): string | null {
  if (idempotencyKey === undefined) return null
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw new StoredError("INVALID_INPUT", "An idempotency key has 1 to 255 visible ASCII characters, such as a UUID.")
  }
  return digest([principal ?? null, operation, idempotencyKey])
}

/** @param request everything that makes it this request, as plain JSON */
export function onceOf(name: string | null, request: unknown): { once?: Once } {
  return name === null ? {} : { once: { name, fingerprint: digest(request) } }
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex")
}
