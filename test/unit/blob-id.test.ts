/** Ids and checksum references. */
import { describe, expect, it } from "vitest"
import {
  blobId,
  isBlobId,
  isProvisional,
  parseChecksumReference,
  provisionalId,
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

describe("provisional ids", () => {
  const place = { backend: "photos", key: "a" }
  const state = { size: 1, modified: 500, etag: "e" }
  const id = provisionalId(place, state)

  it("are ids that say nothing of the bytes", () => {
    expect(isBlobId(id)).toBe(true)
    expect(isProvisional(id)).toBe(true)
    expect(isProvisional(blobId("sha256", HEX))).toBe(false)
    expect(() => splitBlobId(id)).toThrow(expect.objectContaining({ code: "CORRUPT" }))
    // Nobody can ask for content by one, as by a checksum.
    expect(parseChecksumReference(id)).toBeNull()
  })

  it("are the same for the same state of the same place, whatever the clock says beside an etag", () => {
    expect(provisionalId({ ...place }, { ...state })).toBe(id)
    expect(provisionalId(place, { ...state, modified: 501 })).toBe(id)
  })

  it("are others for every other place and state", () => {
    const others = [
      provisionalId({ ...place, key: "b" }, state),
      provisionalId({ ...place, backend: "music" }, state),
      provisionalId(place, { ...state, size: 2 }),
      provisionalId(place, { ...state, etag: "f" }),
      provisionalId(place, { size: 1, modified: 500 }),
      provisionalId(place, { size: 1, modified: 501 }),
      provisionalId({ backend: "photo", key: "sa" }, state),
    ]
    expect(new Set([id, ...others]).size).toBe(8)
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
