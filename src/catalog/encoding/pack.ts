/**
 * The fields of a row in bytes: everything that JSON can say, in half the space and a third of the time to read. A byte tells what follows:
 *
 * | byte      | what follows                                                       |
 * | --------- | ------------------------------------------------------------------ |
 * | 00–7f     | nothing: the number itself                                         |
 * | 80–bf     | nothing: one of the first 64 words (`words.ts`)                    |
 * | c0 c1 c2  | nothing: null, false, true                                         |
 * | c3 c4 c5  | a whole number of 2, 4, 6 bytes, big-endian                        |
 * | c6        | a byte: the place of a word                                        |
 * | c7 c8 c9  | 32 bytes, shown as hex: alone, behind `sha256:`, behind `blake3:`  |
 * | ca        | length, then text of one byte a character (Latin-1)                |
 * | cb        | length, then text in UTF-8                                         |
 * | cc        | length, then JSON in UTF-8: all other numbers, and whatever else   |
 * | cd        | length, then that many values: an array                            |
 * | ce        | length, then that many pairs of name and value: an object          |
 *
 * A length is a byte, or `ff` and four bytes. Bytes that are read were checked against a checksum before, so nothing here looks for damage.
 */
import { WORDS } from "./words.ts"

const FIRST_WORD = 0x80
const SHORT_WORDS = 0x40
const NULL = 0xc0
const FALSE = 0xc1
const TRUE = 0xc2
const UINT16 = 0xc3
const UINT32 = 0xc4
const UINT48 = 0xc5
const WORD = 0xc6
const HEX = 0xc7
const SHA256 = 0xc8
const BLAKE3 = 0xc9
const LATIN1 = 0xca
const UTF8 = 0xcb
const JSON_TEXT = 0xcc
const ARRAY = 0xcd
const OBJECT = 0xce

const LONG = 0xff
/** What any value but a string takes at most, and what stands before a string. */
const MOST_OF_A_VALUE = 40
const PLACES = new Map(WORDS.map((word, place) => [word, place]))
const DIGEST_DIGITS = 64
const DIGEST = /^[0-9a-f]{64}$/
const ID = /^(?:sha256|blake3):[0-9a-f]{64}$/
const ID_DIGITS_AT = 7
const LATIN1_ONLY = /^[\u0000-\u00ff]*$/

/** Writes values one behind the other into a buffer that grows, for whoever copies them out at once. */
export class Packer {
  /** another one when the values did not fit */
  bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1024)
  /** where the next value goes */
  at = 0

  /** Makes sure that this many bytes can follow. */
  need(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + count))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
  }

  value(value: unknown): void {
    this.need(MOST_OF_A_VALUE)
    if (typeof value === "string") this.#string(value)
    else if (typeof value === "number") this.#number(value)
    else if (value === null || value === undefined) this.bytes[this.at++] = NULL
    else if (typeof value === "boolean") this.bytes[this.at++] = value ? TRUE : FALSE
    else if (Array.isArray(value)) this.#array(value)
    else this.#object(value)
  }

  #array(values: unknown[]): void {
    this.bytes[this.at++] = ARRAY
    this.#length(values.length)
    for (const value of values) this.value(value)
  }

  #object(value: object): void {
    // Only JSON reads a `__proto__` as a name like any other.
    if (Object.hasOwn(value, "__proto__") || "toJSON" in value) {
      this.#json(value)
      return
    }
    const names = Object.keys(value).filter((name) => value[name as never] !== undefined)
    this.bytes[this.at++] = OBJECT
    this.#length(names.length)
    for (const name of names) {
      this.value(name)
      this.value(value[name as never])
    }
  }

  #number(value: number): void {
    const { bytes } = this
    if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** 48) {
      this.#json(value)
    } else if (value < FIRST_WORD) {
      bytes[this.at++] = value
    } else if (value < 2 ** 16) {
      bytes[this.at++] = UINT16
      this.at = bytes.writeUInt16BE(value, this.at)
    } else if (value < 2 ** 32) {
      bytes[this.at++] = UINT32
      this.at = bytes.writeUInt32BE(value, this.at)
    } else {
      bytes[this.at++] = UINT48
      this.at = bytes.writeUIntBE(value, this.at, 6)
    }
  }

  #string(text: string): void {
    const place = PLACES.get(text)
    if (place !== undefined) this.#word(place)
    else if (text.length === DIGEST_DIGITS && DIGEST.test(text)) this.#digest(HEX, text)
    else if (text.length === ID_DIGITS_AT + DIGEST_DIGITS && ID.test(text)) {
      this.#digest(text.startsWith("s") ? SHA256 : BLAKE3, text.slice(ID_DIGITS_AT))
    } else if (LATIN1_ONLY.test(text)) this.#text(LATIN1, "latin1", text, text.length)
    else if (text.isWellFormed()) this.#text(UTF8, "utf8", text, Buffer.byteLength(text))
    else this.#json(text)
  }

  #word(place: number): void {
    if (place >= SHORT_WORDS) {
      this.bytes[this.at++] = WORD
      this.bytes[this.at++] = place
    } else {
      this.bytes[this.at++] = FIRST_WORD + place
    }
  }

  #digest(tag: number, hex: string): void {
    this.bytes[this.at++] = tag
    this.at += this.bytes.write(hex, this.at, "hex")
  }

  #json(value: unknown): void {
    const text = JSON.stringify(value) ?? "null"
    this.#text(JSON_TEXT, "utf8", text, Buffer.byteLength(text))
  }

  #text(tag: number, encoding: "latin1" | "utf8", text: string, length: number): void {
    this.need(MOST_OF_A_VALUE + length)
    this.bytes[this.at++] = tag
    this.#length(length)
    this.at += this.bytes.write(text, this.at, length, encoding)
  }

  #length(length: number): void {
    if (length < LONG) {
      this.bytes[this.at++] = length
      return
    }
    this.bytes[this.at++] = LONG
    this.at = this.bytes.writeUInt32BE(length, this.at)
  }
}
