/**
 * Keys as byte strings: one character a UTF-8 byte. They compare with `<` in the order in which `list` must answer, which JavaScript's own
 * comparison of strings does not give (it puts emoji before U+E000), and they can hold file names that are not UTF-8 at all.
 */

const ASCII = /^[\u0000-\u007f]*$/
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The key's UTF-8 bytes, one character each. */
export function toKeyBytes(key: string): string {
  return ASCII.test(key) ? key : Buffer.from(key, "utf8").toString("latin1")
}

/** The key, or null where the bytes are not UTF-8. */
export function fromKeyBytes(bytes: string): string | null {
  if (ASCII.test(bytes)) return bytes
  try {
    return decoder.decode(Buffer.from(bytes, "latin1"))
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
