/** The hasher of an id. What needs no addon is at hand at once; the rest is prepared when it is first asked for. */
import { createHash } from "node:crypto"
import { createHashers } from "../checksums/hashers.ts"
import type { Hasher, HasherFactory, IdAlgorithm } from "../core/checksum.ts"

let prepared: Promise<HasherFactory> | null = null

export async function idHasher(algorithm: IdAlgorithm): Promise<Hasher> {
  if (algorithm === "sha256") {
    const hash = createHash("sha256")
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") }
  }
  prepared ??= createHashers()
  return (await prepared).create(algorithm)
}
