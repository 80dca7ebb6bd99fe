/**
 * Somebody says that something has changed at a backend: a program that knows (`look`), or the backend's own server by a notification that bears the secret of the
 * setting `scan.secret`. Either only has places looked at; what lies there is seen, not told.
 */
import { createHmac } from "node:crypto"
import { isToken } from "../../core/bearer.ts"
import { StoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import { resolveSecret } from "../../core/secret-reference.ts"
import { makeSecret } from "../../core/token.ts"
import type { StoreServices } from "../services.ts"
import { namedObjects } from "./s3-event.ts"

/** Places that one call may name. */
export const MOST_KEYS = 10_000

export interface Notification {
  /** the body as it came, or what reads it: it is asked for only where somebody may bear the secret */
  body: Buffer | (() => Promise<Buffer>)
  /** what was shown as a bearer token or password; null where nothing was */
  token: string | null
  /** `sha256=<hex>`, the HMAC-SHA-256 of the body under the secret; null where there is none */
  signature: string | null
}

/** Has places looked at, but for those that a pattern passes over. How many. @throws StoredError UNKNOWN_BACKEND, INVALID_KEY, INVALID_INPUT */
export async function look(
  services: StoreServices,
  name: string,
  keys: readonly string[],
  actor?: { principal?: string; requestId?: string },
): Promise<number> {
  services.backends.get(name)
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "string")
  if (!isList || keys.length > MOST_KEYS)
    throw new StoredError("INVALID_INPUT", `Name at most ${MOST_KEYS} keys, as a list of texts.`)
  for (const key of keys) {
    const fault = keyFault(key)
    if (fault) throw new StoredError("INVALID_KEY", `Invalid key: ${fault}.`, { details: { key } })
  }
  const distinct = [...new Set(keys)].filter((key) => !services.scans.isPassedOver(name, key))
  if (distinct.length > 0) {
    const asked = actor && { ...actor, time: services.clock.now() }
    await services.catalog.commitLooks(name, distinct, asked)
  }
  services.scans.nudge(name, distinct)
  return distinct.length
}

/**
 * Takes a notification of a backend's server. How many places it has looked at. A backend that is not there, or takes none, refuses as one does whose secret is another.
 * @throws StoredError PERMISSION_DENIED, INVALID_INPUT, SECRET_UNAVAILABLE
 */
export async function notify(services: StoreServices, name: string, notification: Notification): Promise<number> {
  const known = services.backends.has(name) ? services.backends.get(name) : { settings: {} }
  const { settings } = known as { settings: NotifiedSettings }
  const body = await bodyOf(settings.scan?.secret, notification)
  const prefix = settings.prefix ? `${settings.prefix.replace(/\/$/, "")}/` : ""
  const keys = namedObjects(parse(body)).flatMap(({ bucket, key }) =>
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

/** The body of a notification that bears the secret. @throws StoredError PERMISSION_DENIED, SECRET_UNAVAILABLE */
async function bodyOf(setting: string | undefined, { body, token, signature }: Notification): Promise<Buffer> {
  const secret = setting === undefined ? makeSecret() : await resolveSecret(setting, "scan.secret")
  const read = (): Promise<Buffer> | Buffer => (typeof body === "function" ? body() : body)
  if (token !== null && isToken(token, [secret])) return read()
  if (signature !== null) {
    const whole = await read()
    const signed = `sha256=${createHmac("sha256", secret).update(whole).digest("hex")}`
    if (isToken(signature.toLowerCase(), [signed])) return whole
  }
  throw new StoredError("PERMISSION_DENIED", "The notification does not bear the secret of a backend that takes one.")
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch (cause) {
    throw new StoredError("INVALID_INPUT", "The notification is no JSON.", { cause })
  }
}
