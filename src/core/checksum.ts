/** The checksum algorithms StoreD knows, as data. How they are computed is the business of `src/checksums/`. */

/** algorithm → length of its digest in hex characters */
export const CHECKSUM_HEX_LENGTH = {
  sha256: 64,
  blake3: 64,
  xxh3: 16,
  sha1: 40,
  md5: 32,
  crc32c: 8,
} as const

export type ChecksumAlgorithm = keyof typeof CHECKSUM_HEX_LENGTH
/** Algorithms that may make an id: collision resistant ones only. */
export type IdAlgorithm = "sha256" | "blake3"

export const CHECKSUM_ALGORITHMS = Object.keys(CHECKSUM_HEX_LENGTH) as ChecksumAlgorithm[]
export const ID_ALGORITHMS: readonly IdAlgorithm[] = ["sha256", "blake3"]

/** algorithm → lower-case hex digest of the plain content */
export type Checksums = Partial<Record<ChecksumAlgorithm, string>>

/** A running computation of one checksum over one stream of bytes. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** Lower-case hex. Ends the computation; the hasher must not be used afterwards. */
  digest(): string
}

/** Where hashers come from; `src/checksums/` has the implementation, parts get it handed in. */
export interface HasherFactory {
  create(algorithm: ChecksumAlgorithm): Hasher
  /** One call for bytes that are in memory already. */
  hash(algorithm: ChecksumAlgorithm, bytes: Uint8Array): string
}

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(CHECKSUM_HEX_LENGTH, name)
}

/** Whether `hex` is a well-formed digest of that algorithm. */
export function isDigest(algorithm: ChecksumAlgorithm, hex: string): boolean {
  return hex.length === CHECKSUM_HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex)
}
