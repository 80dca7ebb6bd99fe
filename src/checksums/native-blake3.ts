/**
 * BLAKE3 by the prebuilt native addon, ten times as fast as WebAssembly. Not every platform has a binary: then this is null, and
 * WebAssembly does the work (`hashers.ts`).
 */
import type { Hasher } from "../core/checksum.ts"

export interface NativeBlake3 {
  create(): Hasher
  hash(bytes: Uint8Array): string
}

type Addon = Pick<typeof import("@napi-rs/blake-hash"), "Blake3Hasher" | "blake3">

/** The addon, or null where this platform has no binary of it. */
export async function loadNativeBlake3(): Promise<NativeBlake3 | null> {
  const addon = await importAddon()
  return addon && { create: () => new NativeHasher(addon), hash: (bytes) => addon.blake3(bytes).toString("hex") }
}

async function importAddon(): Promise<Addon | null> {
  try {
    return await import("@napi-rs/blake-hash")
  } catch {
    // No binary for this platform, or an unusable one. Both mean the same: compute it the portable way.
    return null
  }
}

class NativeHasher implements Hasher {
  #hasher: InstanceType<Addon["Blake3Hasher"]> | null

  constructor(addon: Addon) {
    this.#hasher = new addon.Blake3Hasher()
  }

  update(bytes: Uint8Array): void {
    this.#running().update(bytes)
  }

  digest(): string {
    const hex = this.#running().digest("hex")
    this.#hasher = null
    return hex
  }

  #running(): InstanceType<Addon["Blake3Hasher"]> {
    if (this.#hasher) return this.#hasher
    throw new Error("This hasher has given its digest already.")
  }
}
