/** The master keys at hand: those that were given, then those of the data directory's key file. The first one seals, each opens what it sealed. */
import { join } from "node:path"
import { invalidConfig } from "../core/config.ts"
import { StoredError } from "../core/error.ts"
import { MASTER_KEY_RULE, type MasterKey, parseMasterKey } from "../core/master-key.ts"
import { KEY_FILE, makeKeyFile, readKeyFile } from "./key-file.ts"

/** Keys from outside the data directory; texts are 32 bytes in base64 or hex. */
export interface GivenKeys {
  /** seals; absent: the first of the key file does */
  current?: MasterKey | string | null
  /** only open what they sealed once */
  older?: readonly (MasterKey | string)[]
}

export class KeyRing {
  readonly #path: string
  readonly #current: MasterKey | null
  readonly #older: readonly MasterKey[]

  /**
   * @param data the data directory. Nothing is read before it is needed
   * @throws StoredError INVALID_CONFIG where a given key is none
   */
  constructor(data: string, { current = null, older = [] }: GivenKeys = {}) {
    this.#path = join(data, KEY_FILE)
    this.#current = current === null ? null : keyOf(current)
    this.#older = older.map(keyOf)
  }

  /**
   * The keys among which those with these ids are, as far as they are at hand. The key file is asked only for what was not given.
   * @throws StoredError SECRET_UNAVAILABLE where the key file cannot be used
   */
  async keysFor(ids: readonly string[]): Promise<readonly MasterKey[]> {
    const given = [...(this.#current ? [this.#current] : []), ...this.#older]
    const isGiven = ids.every((id) => given.some((key) => key.id === id))
    return isGiven ? given : [...given, ...(await readKeyFile(this.#path))]
  }

  /** The key that seals, null where there is none yet. @throws StoredError SECRET_UNAVAILABLE */
  async current(): Promise<MasterKey | null> {
    return this.#current ?? (await readKeyFile(this.#path))[0] ?? null
  }

  /**
   * The key to seal under; the key file is made where there is no key at all.
   * @param awaitsKey whether something is sealed under a key that is not at hand: a new file would stand where its own belongs
   * @throws StoredError SECRET_UNAVAILABLE
   */
  async sealing(awaitsKey: boolean): Promise<MasterKey> {
    const current = await this.current()
    if (current) return current
    if (!awaitsKey) return makeKeyFile(this.#path)
    throw new StoredError(
      "SECRET_UNAVAILABLE",
      `Other backends have secrets under a master key that is not at hand; bring ${this.#path} back, or set STORED_MASTER_KEY to go on with another key.`,
      { details: { path: this.#path } },
    )
  }
}

function keyOf(key: MasterKey | string): MasterKey {
  const parsed = typeof key === "string" ? parseMasterKey(key) : key
  if (parsed) return parsed
  throw invalidConfig([{ path: "masterKeys", message: MASTER_KEY_RULE }])
}
