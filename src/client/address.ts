/** Where a server is and how it is told who asks. Neither credentials in an address nor a token reach an error. */
import { StoredError } from "../core/error.ts"

/** @throws StoredError INVALID_INPUT */
export function parseAddress(text: unknown): URL {
  const url = typeof text === "string" ? URL.parse(text) : null
  const isPlain = url?.username === "" && url.password === ""
  if (url && isPlain && /^https?:$/.test(url.protocol)) return url
  if (url && !isPlain) {
    throw new StoredError("INVALID_INPUT", "The address of a server holds no credentials; give them as `token`.")
  }
  const shown = typeof text === "string" ? text.replace(/\/\/[^/]*@/, "//…@").slice(0, 200) : typeof text
  throw new StoredError("INVALID_INPUT", `"${shown}" is not the address of a server; write it as http://host:port.`)
}

/** What goes into the header of every request. @throws StoredError INVALID_INPUT, without the token */
export function authorization(token: unknown): Record<string, string> {
  if (token === undefined) return {}
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return { authorization: `Bearer ${token}` }
  throw new StoredError("INVALID_INPUT", "The token is not one; give visible ASCII characters without blanks.")
}
