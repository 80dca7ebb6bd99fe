/**
 * The key or id at the end of a request path, percent-decoded exactly once. It is cut from the raw target and not taken from
 * the router, which decodes in steps of its own: a key may hold `%2F`, `%25` or `?` and must come out as it went in.
 */
import { StoredError } from "../core/error.ts"

/**
 * @param target the raw request target, e.g. `/v1/objects/a%20b?x=1`
 * @param prefix the route's fixed part with its last slash
 * @throws StoredError INVALID_KEY for bad percent-encoding
 */
export function pathName(target: string, prefix: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/\?.*$/s, "")
  if (!path.startsWith(prefix) || path.includes("#")) {
    throw new StoredError("INVALID_KEY", `Invalid path: write it as ${prefix}<name>, with the name percent-encoded.`)
  }
  try {
    return decodeURIComponent(path.slice(prefix.length))
  } catch (cause) {
    throw new StoredError(
      "INVALID_KEY",
      "Invalid key: its percent-encoding is broken or not UTF-8; encode each byte of it as %XX.",
      { cause },
    )
  }
}

/** A key as the tail of a path: each segment encoded, slashes kept. The reverse of `pathName`. */
export function encodePathName(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/")
}
