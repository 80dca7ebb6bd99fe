/** Signed addresses hold while the number that they were signed with is the present one. */
import type { Actor } from "../catalog.ts"
import type { Rows } from "../rows/rows.ts"
import { SIGNED_URL_EPOCH_KEY } from "../rows/tables.ts"
import { append } from "./journal.ts"

export interface SignedUrlRevocationFact extends Actor {
  /** UTC ms */
  time: number
}

/** The present number, from 0. */
export function signedUrlEpoch(rows: Pick<Rows, "get">): number {
  return rows.get("settings", SIGNED_URL_EPOCH_KEY) ?? 0
}

export function revokeSignedUrls(rows: Rows, { time, ...actor }: SignedUrlRevocationFact): number {
  const epoch = signedUrlEpoch(rows) + 1
  rows.put("settings", SIGNED_URL_EPOCH_KEY, epoch)
  append(rows, { command: "signed-urls-revoke", time, actor, detail: { epoch } })
  return epoch
}
