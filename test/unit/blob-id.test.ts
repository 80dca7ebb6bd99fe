/** Ids and checksum references. */
import { describe, expect, it } from "vitest"
import {
  blobId,
  isBlobId,
  parseChecksumReference,
  requireChecksumReference,
  splitBlobId,
} from "../../src/core/blob-id.ts"
import { CHECKSUM_ALGORITHMS, CHECKSUM_HEX_LENGTH, isChecksumAlgorithm, isDigest } from "../../src/core/checksum.ts"

const HEX = "0123456789abcdef".repeat(4)

describe("blob ids", () => {
  it("are made and taken apart", () => {
    const id = blobId("blake3", HEX)
    expect(id).toBe(`blake3:${HEX}`)
    expect(isBlobId(id)).toBe(true)
    expect(splitBlobId(id)).toEqual({ algorithm: "blake3", hex: HEX })
  })

  it.each([
    "",
    "sha256",
    "sha256:",
    `md5:${HEX}`,
    `sha256:${HEX.toUpperCase()}`,
    `sha256:${HEX}0`,
    `sha256:${HEX}\n`,
    ` sha256:${HEX}`,
  ])("are not %j", (text) => {
    expect(isBlobId(text)).toBe(false)
  })
})

describe("checksum references", () => {
  it.each(CHECKSUM_ALGORITHMS)("%s", (algorithm) => {
    const hex = HEX.slice(0, CHECKSUM_HEX_LENGTH[algorithm])
    expect(isDigest(algorithm, hex)).toBe(true)
    expect(isDigest(algorithm, hex.slice(1))).toBe(false)
    expect(isDigest(algorithm, `${hex.slice(1)}\n`)).toBe(false)
    expect(parseChecksumReference(`${algorithm}:${hex}`)).toEqual({ algorithm, hex })
    expect(requireChecksumReference(`${algorithm}:${hex.toUpperCase()}`)).toEqual({ algorithm, hex })
  })

  it.each(["", ":", "photos/a", "sha256", "sha256:zz", "sha999:00", `toString:${HEX}`, `__proto__:${HEX}`])(
    "not %j",
    (text) => {
      expect(parseChecksumReference(text)).toBeNull()
      expect(() => requireChecksumReference(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }))
    },
  )

  it("knows algorithms by their own names only", () => {
    expect(isChecksumAlgorithm("xxh3")).toBe(true)
    expect(isChecksumAlgorithm("hasOwnProperty")).toBe(false)
  })
})
