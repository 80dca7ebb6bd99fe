/** Server-sent events out of bytes (WHATWG HTML §9.2): fields in lines, an empty line ends a message, a colon begins a comment. */
import { StoredError } from "../core/error.ts"

export interface EventMessage {
  /** as it stands in this message, undefined where it has none */
  id: string | undefined
  /** null in a message that only tells the place */
  data: string | null
}

/** Characters of one message; ours have a few hundred. */
const MOST = 2 ** 20

export class EventMessages {
  readonly #decoder = new TextDecoder()
  #rest = ""
  #id: string | undefined
  #data: string[] = []
  #size = 0

  /** The messages that these bytes complete. @throws StoredError INTERNAL where one has no end */
  take(bytes: Uint8Array): EventMessage[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n")
    this.#rest = lines.pop() ?? ""
    const messages = lines
      .map((line) => this.#line(line.endsWith("\r") ? line.slice(0, -1) : line))
      .filter((message) => message !== null)
    if (this.#size + this.#rest.length > MOST)
      throw new StoredError("INTERNAL", "What answers sends events without end.")
    return messages
  }

  #line(line: string): EventMessage | null {
    if (line === "") return this.#complete()
    this.#size += line.length
    const colon = line.indexOf(":")
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (field === "id") this.#id = value
    if (field === "data") this.#data.push(value)
    return null
  }

  #complete(): EventMessage | null {
    const message = { id: this.#id, data: this.#data.length > 0 ? this.#data.join("\n") : null }
    this.#id = undefined
    this.#data = []
    this.#size = 0
    return message.id === undefined && message.data === null ? null : message
  }
}
