/** Requests that have an effect once: their key goes out as `Idempotency-Key`, and `Idempotent-Replayed` comes back where it was done before. */
import type { IncomingHttpHeaders } from "node:http"
import { requestName } from "../store/running-requests.ts"
import type { PutOptions } from "../store/store.ts"

type OnceOptions = Pick<PutOptions, "idempotencyKey" | "onRepeat">

/** @throws StoredError INVALID_INPUT */
export function onceHeaders({ idempotencyKey }: Pick<OnceOptions, "idempotencyKey">): Record<string, string> {
  if (idempotencyKey === undefined) return {}
  requestName("", { idempotencyKey })
  return { "idempotency-key": idempotencyKey }
}

export function tellRepeat({ onRepeat }: OnceOptions, headers: IncomingHttpHeaders): void {
  if (headers["idempotent-replayed"] === "true") onRepeat?.()
}
