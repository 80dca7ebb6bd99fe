/**
 * Digest fields of RFC 9530 (`Content-Digest`, `Repr-Digest`: `sha-256=:<base64>:`) and `X-Stored-Checksum: sha256:<hex>` as
 * checksums. Algorithms that StoreD does not know are passed over, as the RFC asks; what it knows must be well formed.
 */
import { requireChecksumReference } from "../core/blob-id.ts"
import { CHECKSUM_HEX_LENGTH, type ChecksumAlgorithm, type Checksums } from "../core/checksum.ts"
import { StoredError } from "../core/error.ts"

const NAMES: Record<string, ChecksumAlgorithm> = { "sha-256": "sha256", md5: "md5", sha: "sha1", crc32c: "crc32c" }
const MEMBER = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):$/

/** @throws StoredError INVALID_INPUT */
export function parseDigestField(field: string, value: string): Checksums {
  const checksums: Checksums = {}
  for (const part of value.split(",")) {
    const match = MEMBER.exec(part.trim())
    if (!match) throw invalid(field, "write it as sha-256=:<base64>:")
    const algorithm = NAMES[match[1]!]
    if (algorithm === undefined) continue
    const hex = Buffer.from(match[2]!, "base64").toString("hex")
    if (hex.length !== CHECKSUM_HEX_LENGTH[algorithm]) throw invalid(field, `its ${match[1]} has the wrong length`)
    checksums[algorithm] = hex
  }
  return checksums
}

/** `sha256:<hex>`, or several with commas. @throws StoredError INVALID_INPUT */
export function parseChecksumField(value: string): Checksums {
  const checksums: Checksums = {}
  for (const part of value.split(",")) {
    const { algorithm, hex } = requireChecksumReference(part.trim())
    checksums[algorithm] = hex
  }
  return checksums
}

/** Everything that was declared, together. Two that disagree cannot both hold. @throws StoredError INVALID_INPUT */
export function mergeChecksums(all: Checksums[]): Checksums {
  const merged: Checksums = {}
  for (const [algorithm, hex] of all.flatMap((one) => Object.entries(one) as [ChecksumAlgorithm, string][])) {
    if (merged[algorithm] !== undefined && merged[algorithm] !== hex) {
      throw new StoredError("INVALID_INPUT", `Two different ${algorithm} checksums are declared; declare one.`)
    }
    merged[algorithm] = hex
  }
  return merged
}

/** The `Repr-Digest` of a blob, where its sha256 is known. */
export function reprDigest(checksums: Checksums): string | null {
  return checksums.sha256 ? `sha-256=:${Buffer.from(checksums.sha256, "hex").toString("base64")}:` : null
}

function invalid(field: string, reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `Invalid ${field}: ${reason}.`)
}
