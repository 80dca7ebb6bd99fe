/**
 * Every checksum StoreD knows, each by whichever library is the fastest here: sha256, sha1 and md5 by node:crypto, blake3 by the
 * native addon where it has a binary, else, as xxh3 and crc32c always, by WebAssembly.
 *
 * Made once a process or thread. Hashers of one factory may run at the same time, any number of them.
 */
import { createHash, hash } from "node:crypto"
import { createBLAKE3, createCRC32, createXXHash3 } from "hash-wasm"
import type { ChecksumAlgorithm, Hasher, HasherFactory } from "../core/checksum.ts"
import { loadNativeBlake3 } from "./native-blake3.ts"
import { WasmEngine } from "./wasm-hasher.ts"

/** The Castagnoli polynomial, reflected. */
const CRC32C = 0x82f63b78

interface Algorithm {
  create(): Hasher
  hash(bytes: Uint8Array): string
}

/**
 * Prepares all algorithms.
 * @param options `native: false` computes blake3 by WebAssembly even where the addon could
 */
export async function createHashers(options: { native?: boolean } = {}): Promise<HasherFactory> {
  const native = options.native === false ? null : await loadNativeBlake3()
  const [xxh3, crc32c, blake3] = await Promise.all([
    createXXHash3(),
    createCRC32(CRC32C),
    native ?? createBLAKE3().then(byWasm),
  ])
  const algorithms: Record<ChecksumAlgorithm, Algorithm> = {
    sha256: byNode("sha256"),
    sha1: byNode("sha1"),
    md5: byNode("md5"),
    blake3,
    xxh3: byWasm(xxh3),
    crc32c: byWasm(crc32c),
  }
  return {
    create: (algorithm) => algorithms[algorithm].create(),
    hash: (algorithm, bytes) => algorithms[algorithm].hash(bytes),
  }
}

function byNode(name: "sha256" | "sha1" | "md5"): Algorithm {
  return {
    create: () => {
      const running = createHash(name)
      return { update: (bytes) => void running.update(bytes), digest: () => running.digest("hex") }
    },
    hash: (bytes) => hash(name, bytes, "hex"),
  }
}

function byWasm(instance: ConstructorParameters<typeof WasmEngine>[0]): Algorithm {
  const engine = new WasmEngine(instance)
  return {
    create: () => engine.create(),
    hash: (bytes) => {
      const hasher = engine.create()
      hasher.update(bytes)
      return hasher.digest()
    },
  }
}
