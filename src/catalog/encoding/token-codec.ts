/** The row of a token. Its id is the key; of its secrets there are only digests. */
import type { TokenRecord } from "../record.ts"
import type { Codec } from "./codec.ts"

type TokenFields = [
  name: string,
  scopes: TokenRecord["scopes"],
  prefixes: string[] | null,
  backends: string[] | null,
  digest: string,
  former: [digest: string, until: number] | null,
  rate: [perSecond: number, burst: number] | null,
  quota: [bytes: number | null, objects: number | null] | null,
  created: number,
  expires: number | null,
  revoked: number | null,
  lastUsed: number | null,
]

export const tokenCodec: Codec<TokenRecord> = {
  version: 1,
  encode: ({ former, rate, quota, ...row }) =>
    [
      row.name,
      row.scopes,
      row.prefixes,
      row.backends,
      row.digest,
      former && [former.digest, former.until],
      rate && [rate.perSecond, rate.burst],
      quota && [quota.bytes, quota.objects],
      row.created,
      row.expires,
      row.revoked,
      row.lastUsed,
    ] satisfies TokenFields,
  decode: (fields, id) => {
    const [name, scopes, prefixes, backends, digest, former, rate, quota, created, expires, revoked, lastUsed] =
      fields as TokenFields
    return {
      id,
      name,
      scopes,
      prefixes,
      backends,
      digest,
      former: former && { digest: former[0], until: former[1] },
      rate: rate && { perSecond: rate[0], burst: rate[1] },
      quota: quota && { bytes: quota[0], objects: quota[1] },
      created,
      expires,
      revoked,
      lastUsed,
    }
  },
}
