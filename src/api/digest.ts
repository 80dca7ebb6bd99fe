/**
 * Digest fields of RFC 9530 (`Content-Digest`, `Repr-Digest`: `sha-256=:<base64>:`) and `X-Stored-Checksum: sha256:<hex>` as
 * checksums. Algorithms that StoreD does not know are passed over, as the RFC asks; what it knows must be well formed. `sha-512` is no checksum that it keeps: it is checked
 * while the body comes, see `sha512-check.ts`.
 */
import { hash } from "node:crypto"
import { requireChecksumReference } from "../core/blob-id.ts"
import { CHECKSUM_HEX_LENGTH, type ChecksumAlgorithm, type Checksums } from "../core/checksum.ts"
import { StoredError } from "../core/error.ts"

const NAMES: Record<string, ChecksumAlgorithm> = { "sha-256": "sha256", md5: "md5", sha: "sha1", crc32c: "crc32c" }
const SHA512_HEX_LENGTH = 128
const MEMBER = /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):$/

/** @throws StoredError INVALID_INPUT */
export function parseDigestField(field: string, value: string): Checksums {
  const checksums: Checksums = {}
  for (const { name, hex } of membersOf(field, value)) {
    const algorithm = NAMES[name]
    if (algorithm !== undefined) checksums[algorithm] = ofLength(CHECKSUM_HEX_LENGTH[algorithm], { field, name, hex })
  }
  return checksums
}

/** The sha-512 that a field declares, hex; null where it declares none. @throws StoredError INVALID_INPUT */
export function parseSha512(field: string, value: string): string | null {
  const member = membersOf(field, value).find(({ name }) => name === "sha-512")
  return member ? ofLength(SHA512_HEX_LENGTH, { field, ...member }) : null
}

interface Member {
  name: string
  hex: string
}

function membersOf(field: string, value: string): Member[] {
  return value.split(",").map((part) => {
    const match = MEMBER.exec(part.trim())
    if (!match) throw invalid(field, "write it as sha-256=:<base64>:")
    return { name: match[1]!, hex: Buffer.from(match[2]!, "base64").toString("hex") }
  })
}

function ofLength(length: number, { field, name, hex }: Member & { field: string }): string {
  if (hex.length === length) return hex
  throw invalid(field, `its ${name} has the wrong length`)
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

/** The `Repr-Digest` of a blob, where its sha256 is known; its `Content-Digest` where all of it is sent. */
export function reprDigest(checksums: Checksums): string | null {
  return checksums.sha256 ? `sha-256=:${Buffer.from(checksums.sha256, "hex").toString("base64")}:` : null
}

/** The `Content-Digest` of bytes. */
export function contentDigest(bytes: Uint8Array): string {
  return `sha-256=:${hash("sha256", bytes, "base64")}:`
}

function invalid(field: string, reason: string): StoredError {
  return new StoredError("INVALID_INPUT", `Invalid ${field}: ${reason}.`)
}
