/**
 * The key under which secrets are sealed: 32 bytes, written in base64 or hex. Its id tells one key from another and nothing about either, so that it may stand
 * beside what was sealed, and in errors. The key itself is never part of a message.
 */
import { createHmac, hkdfSync, randomBytes } from "node:crypto"
import * as z from "zod"
import { secretVariable } from "./secret-variable.ts"

const BYTES = 32
const HEX = /^[0-9a-f]{64}$/i
/** 32 bytes end in one `=`; base64url and an end without it are the same bytes. */
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/

export const MASTER_KEY_RULE = "expected 32 random bytes in base64 or hex, such as `openssl rand -base64 32` gives"

export class MasterKey {
  /** 16 hex digits */
  readonly id: string
  readonly #sealing: Uint8Array
  readonly #signing: Uint8Array

  /** @param bytes 32 of them */
  constructor(bytes: Uint8Array) {
    this.id = createHmac("sha256", bytes).update("stored master key id").digest("hex").slice(0, 16)
    this.#sealing = new Uint8Array(hkdfSync("sha256", bytes, new Uint8Array(), "stored backend secrets 1", BYTES))
    this.#signing = new Uint8Array(hkdfSync("sha256", bytes, new Uint8Array(), "stored signed urls 1", BYTES))
  }

  /** For `seal.ts` alone. A key of its own for this use. */
  get sealing(): Uint8Array {
    return this.#sealing
  }

  /** For signed addresses alone. */
  get signing(): Uint8Array {
    return this.#signing
  }

  /** Whoever prints it by accident sees its id. */
  toJSON(): { id: string } {
    return { id: this.id }
  }
}

/** Null where the text is no key. */
export function parseMasterKey(text: string): MasterKey | null {
  const bytes = HEX.test(text) ? Buffer.from(text, "hex") : BASE64.test(text) ? Buffer.from(text, "base64url") : null
  return bytes?.length === BYTES ? new MasterKey(bytes) : null
}

/** A new one, as it is written down. */
export function makeMasterKey(): { key: MasterKey; text: string } {
  const bytes = randomBytes(BYTES)
  return { key: new MasterKey(bytes), text: bytes.toString("base64") }
}

/** A key as a variable says it: the key itself, or `file:PATH` of a file that holds it. */
export const masterKeySchema = secretVariable(parseMasterKey, `${MASTER_KEY_RULE}, or file:PATH of a file with them`)

/** Several, with commas between them. */
export const masterKeysSchema = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  )
  .pipe(z.array(masterKeySchema))
