/**
 * Somebody says that something has changed at a backend: a program that knows (`look`), or the backend's own server by a notification that bears the secret of the
 * setting `scan.secret`. Either only has places looked at; what lies there is seen, not told.
 */
import { createHmac } from "node:crypto"
import { isToken } from "../../core/bearer.ts"
import { StoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import { resolveSecret } from "../../core/secret-reference.ts"
import type { StoreServices } from "../services.ts"
import { namedObjects } from "./s3-event.ts"

/** Places that one call may name. */
export const MOST_KEYS = 10_000

export interface Notification {
  /** the body as it came */
  body: Buffer
  /** what was shown as a bearer token or password; null where nothing was */
  token: string | null
  /** `sha256=<hex>`, the HMAC-SHA-256 of the body under the secret; null where there is none */
  signature: string | null
}

/** Has places looked at. How many. @throws StoredError UNKNOWN_BACKEND, INVALID_KEY, INVALID_INPUT */
export async function look(services: StoreServices, name: string, keys: readonly string[]): Promise<number> {
  services.backends.get(name)
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "string")
  if (!isList || keys.length > MOST_KEYS)
    throw new StoredError("INVALID_INPUT", `Name at most ${MOST_KEYS} keys, as a list of texts.`)
  for (const key of keys) {
    const fault = keyFault(key)
    if (fault) throw new StoredError("INVALID_KEY", `Invalid key: ${fault}.`, { details: { key } })
  }
  const distinct = [...new Set(keys)]
  if (distinct.length > 0) await services.catalog.commitLooks(name, distinct)
  services.scans.nudge(name, distinct)
  return distinct.length
}

/**
 * Takes a notification of a backend's server. How many places it has looked at.
 * @throws StoredError UNKNOWN_BACKEND, PERMISSION_DENIED, INVALID_INPUT, SECRET_UNAVAILABLE
 */
export async function notify(services: StoreServices, name: string, notification: Notification): Promise<number> {
  const { settings } = services.backends.get(name) as { settings: NotifiedSettings }
  await requireSecret(settings.scan?.secret, notification)
  const prefix = settings.prefix ? `${settings.prefix.replace(/\/$/, "")}/` : ""
  const keys = namedObjects(parse(notification.body)).flatMap(({ bucket, key }) =>
    (settings.bucket === undefined || bucket === settings.bucket) && key.startsWith(prefix)
      ? [key.slice(prefix.length)]
      : [],
  )
  return look(
    services,
    name,
    keys.filter((key) => keyFault(key) === null),
  )
}

interface NotifiedSettings {
  bucket?: string
  prefix?: string
  scan?: { secret?: string }
}

async function requireSecret(setting: string | undefined, { body, token, signature }: Notification): Promise<void> {
  if (setting === undefined)
    throw new StoredError("PERMISSION_DENIED", 'This backend takes no notifications; give it a "scan.secret".')
  const secret = await resolveSecret(setting, "scan.secret")
  const signed = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`
  if (token !== null && isToken(token, [secret])) return
  if (signature !== null && isToken(signature.toLowerCase(), [signed])) return
  throw new StoredError("PERMISSION_DENIED", "The notification does not bear the secret of this backend.")
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch (cause) {
    throw new StoredError("INVALID_INPUT", "The notification is no JSON.", { cause })
  }
}
