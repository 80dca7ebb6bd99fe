/**
 * Signs requests with AWS signatures of version 4, in their headers. What does not change from one request to the next is computed once: the key of a
 * day, and nothing is hashed here that the caller has hashed already.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto"

export interface SigningIdentity {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
}

export interface Signable {
  method: string
  /** encoded, as it is sent */
  path: string
  /** encoded, its parameters in the order of their names; may be empty */
  query: string
  /** names in lower case; all of them are signed, so `host` must be there */
  headers: Record<string, string>
  /** SHA-256 of the body in hex, or `UNSIGNED-PAYLOAD` */
  payload: string
}

const ALGORITHM = "AWS4-HMAC-SHA256"

export class Signature {
  readonly #region: string
  readonly #service: string
  /** of the last identity and day; as an object of keys, for the check of plain bytes takes eight times as long as the signature itself */
  #key: { secret: string; day: string; object: KeyObject } | null = null

  constructor(region: string, service: string) {
    this.#region = region
    this.#service = service
  }

  /** The headers with those that sign them. @param now UTC ms, as the server sees the time */
  sign({ method, path, query, headers, payload }: Signable, identity: SigningIdentity, now: number) {
    const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "")
    const day = time.slice(0, 8)
    const signed: Record<string, string> = { ...headers, "x-amz-content-sha256": payload, "x-amz-date": time }
    if (identity.sessionToken !== undefined) signed["x-amz-security-token"] = identity.sessionToken
    const names = Object.keys(signed).sort()
    const lines = names.map((name) => `${name}:${signed[name]!.trim().replace(/\s+/g, " ")}\n`).join("")
    const list = names.join(";")
    const canonical = `${method}\n${path}\n${query}\n${lines}\n${list}\n${payload}`
    const scope = `${day}/${this.#region}/${this.#service}/aws4_request`
    const text = `${ALGORITHM}\n${time}\n${scope}\n${hash("sha256", canonical)}`
    const signature = createHmac("sha256", this.#keyOf(identity.secretAccessKey, day)).update(text).digest("hex")
    signed.authorization = `${ALGORITHM} Credential=${identity.accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`
    return signed
  }

  #keyOf(secret: string, day: string): KeyObject {
    if (this.#key?.secret !== secret || this.#key.day !== day) {
      let key = Buffer.from(`AWS4${secret}`)
      for (const part of [day, this.#region, this.#service, "aws4_request"]) {
        key = createHmac("sha256", key).update(part).digest()
      }
      this.#key = { secret, day, object: createSecretKey(key) }
    }
    return this.#key.object
  }
}

/** Text as it stands in signed paths and queries: all but letters, digits and `-._~` in the hex of its UTF-8. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
}
