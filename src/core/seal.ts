/**
 * Seals one secret under a master key: AES-256-GCM with a random nonce. What it belongs to (format, backend, setting) is authenticated with it, so that a
 * sealed value that is moved to another backend or setting does not open there. The id of the key stands beside it: whoever has another key is told so.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { StoredError } from "./error.ts"
import type { JsonValue } from "./json.ts"
import type { MasterKey } from "./master-key.ts"

const FORMAT = 1
const CIPHER = "aes-256-gcm"
const NONCE_BYTES = 12
const TAG_BYTES = 16

export interface Sealed {
  format: number
  /** id of the master key */
  key: string
  /** base64 of nonce, ciphertext and tag */
  data: string
}

/** What a secret belongs to. */
export interface SealedFor {
  backend: string
  /** the setting's name */
  field: string
}

export function seal(key: MasterKey, value: JsonValue, belonging: SealedFor): Sealed {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key.sealing, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(boundTo(FORMAT, belonging))
  const parts = [nonce, cipher.update(JSON.stringify(value), "utf8"), cipher.final(), cipher.getAuthTag()]
  return { format: FORMAT, key: key.id, data: Buffer.concat(parts).toString("base64") }
}

/**
 * @param keys any of them may be the one
 * @throws StoredError SECRET_UNAVAILABLE where none of the keys is the one, it was written by a newer version, or it was changed
 */
export function unseal(keys: readonly MasterKey[], sealed: Sealed, belonging: SealedFor): JsonValue {
  const what = `The setting "${belonging.field}" of backend "${belonging.backend}"`
  const fault = (sentence: string, cause?: unknown): StoredError =>
    new StoredError("SECRET_UNAVAILABLE", `${what} ${sentence}`, {
      cause,
      details: { ...belonging, key: sealed.key },
    })
  if (sealed.format !== FORMAT) throw fault("was sealed by a newer version of StoreD; use that one.")
  const key = keys.find(({ id }) => id === sealed.key)
  if (!key) {
    throw fault(
      `is sealed under master key ${sealed.key}, which is not at hand; bring that key back (STORED_MASTER_KEY, STORED_MASTER_KEY_OLD or the key file), or give the setting again.`,
    )
  }
  try {
    return open(key, Buffer.from(sealed.data, "base64"), boundTo(sealed.format, belonging))
  } catch (cause) {
    throw fault("was changed since it was sealed, or moved here from elsewhere; give it again.", cause)
  }
}

function open(key: MasterKey, bytes: Buffer, bound: Buffer): JsonValue {
  const decipher = createDecipheriv(CIPHER, key.sealing, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(bound)
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  const parts = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]
  return JSON.parse(Buffer.concat(parts).toString("utf8")) as JsonValue
}

/** No two belongings give the same bytes. */
function boundTo(format: number, { backend, field }: SealedFor): Buffer {
  return Buffer.from(JSON.stringify(["stored", format, backend, field]))
}
