/** Stands for a backend whose secrets cannot be had: it is known, it keeps its copies and its jobs, and every use of it says why it cannot be opened. */
import { type BackendCapabilities, type BackendEntry, StorageBackend } from "../backends/backend.ts"
import type { StoredError } from "../core/error.ts"
import { MAX_KEY_BYTES } from "../core/key.ts"

export class LockedBackend extends StorageBackend {
  readonly driver: string
  readonly #fault: StoredError
  /** of the driver nothing is known before it is made */
  readonly capabilities: BackendCapabilities = {
    local: false,
    watch: false,
    range: false,
    checksums: [],
    maxKeyBytes: MAX_KEY_BYTES,
    hierarchicalKeysConflict: false,
  }

  constructor(driver: string, fault: StoredError) {
    super()
    this.driver = driver
    this.#fault = fault
  }

  override async open(): Promise<void> {
    throw this.#fault
  }

  override async close(): Promise<void> {}

  override put(): Promise<never> {
    return Promise.reject(this.#fault)
  }

  override get(): Promise<never> {
    return Promise.reject(this.#fault)
  }

  override stat(): Promise<never> {
    return Promise.reject(this.#fault)
  }

  override delete(): Promise<never> {
    return Promise.reject(this.#fault)
  }

  override async *list(): AsyncGenerator<BackendEntry> {
    yield await Promise.reject(this.#fault)
  }
}
