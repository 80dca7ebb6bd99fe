/** The bytes of a row: what is written is read, and nothing else is. */
import { crc32 } from "node:zlib"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Packer } from "../../src/catalog/encoding/pack.ts"
import { seal, unseal } from "../../src/catalog/encoding/value.ts"
import type { LocationRow } from "../../src/catalog/rows/tables.ts"
import { idOf } from "../contract/catalog.facts.ts"

const LOCATION: LocationRow = {
  backend: "local",
  key: "a/é",
  objectKey: "other",
  want: idOf("1"),
  have: null,
  generation: 7,
  state: "failed",
  attempts: 3,
  error: { code: "TIMEOUT", message: "late", retryable: true, details: { after: 5 } },
  verified: { at: 5, by: "etag" },
  seen: { size: 1, modified: 2.5 },
  created: 1,
  modified: 2,
  job: 9,
}
const KEY = "local\u0000a/é"

describe("a sealed row", () => {
  it("is read as it was written", () => {
    const changes: Partial<LocationRow>[] = [
      {},
      { have: idOf("1"), objectKey: "a/é" },
      { want: null, have: null },
      { have: idOf("2"), verified: null, seen: null, error: null },
      { found: true, state: "changed", verified: { at: 5, by: "listing" } },
      { seen: { size: 1, modified: 2.5, etag: "e" } },
      { seen: { size: 1, modified: 2.5, file: "f" }, found: true },
    ]
    for (const change of changes) {
      const row: LocationRow = { ...LOCATION, ...change }
      const bytes = seal("locations", KEY, row)
      expect(unseal("locations", KEY, bytes, bytes.length)).toEqual(row)
    }
  })

  it("is read as JSON too, as rows were written before they were packed", () => {
    const fields = Buffer.from(
      JSON.stringify([0, idOf("1"), 0, 7, "synced", 0, null, [5, "etag"], [1, 2.5], 1, 2, null]),
    )
    const covered = Buffer.concat([Buffer.from([1]), fields, Buffer.from(KEY)])
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from([1]), fields])
    bytes.writeUInt32BE(crc32(covered, crc32("locations")))
    expect(unseal("locations", KEY, bytes, bytes.length)).toEqual({
      ...LOCATION,
      objectKey: "a/é",
      have: idOf("1"),
      state: "synced",
      attempts: 0,
      error: null,
      job: null,
    })
  })

  it("is read as rows of locations were before it was told apart what was found", () => {
    const packer = new Packer()
    packer.value([0, idOf("1"), 0, 7, "synced", 0, null, [5, "etag"], [1, 2.5], 1, 2, null])
    const fields = packer.bytes.subarray(0, packer.at)
    const covered = Buffer.concat([Buffer.from([1]), fields, Buffer.from(KEY)])
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from([1]), fields])
    bytes.writeUInt32BE(crc32(covered, crc32("locations")))
    const row = unseal("locations", KEY, bytes, bytes.length) as LocationRow
    expect(row).not.toHaveProperty("found")
    expect(row.seen).toEqual({ size: 1, modified: 2.5 })
    expect(row).toMatchObject({ have: idOf("1"), verified: { at: 5, by: "etag" }, job: null })
  })

  it("is read from the beginning of a longer buffer", () => {
    const bytes = seal("locations", KEY, LOCATION)
    const longer = Buffer.concat([bytes, Buffer.alloc(50, 0x20)])
    expect(unseal("locations", KEY, longer, bytes.length)).toEqual(LOCATION)
    expect(() => unseal("locations", KEY, longer, longer.length)).toThrow("does not have its checksum")
  })

  it("is refused under another key, in another table, with any bit flipped, cut short", () => {
    const bytes = seal("locations", KEY, LOCATION)
    expect(() => unseal("locations", "local\u0000b", bytes, bytes.length)).toThrow("does not have its checksum")
    const mark = seal("objectsByBlob", "k", true)
    expect(() => unseal("locationsByBlob", "k", mark, mark.length)).toThrow("does not have its checksum")
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => unseal("locations", KEY, flipped, flipped.length)).toThrow("does not have its checksum")
      }),
    )
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        expect(() => unseal("locations", KEY, bytes, length)).toThrow("does not have its checksum")
      }),
    )
  })

  it("of any custom metadata comes back the same", () => {
    const custom = fc.jsonValue().map((value) => ({ value }))
    fc.assert(
      fc.property(custom, (value) => {
        const object = { ...OBJECT, custom: JSON.parse(JSON.stringify(value)) }
        const bytes = seal("objects", "k", object)
        expect(unseal("objects", "k", bytes, bytes.length)).toEqual(object)
      }),
    )
  })
})

const OBJECT = {
  key: "k",
  id: idOf("1"),
  version: 1,
  size: 1,
  mimeType: "a/b",
  custom: {},
  state: "ACTIVE" as const,
  created: 1,
  modified: 2,
  copies: [
    { backend: "x", key: "k" },
    { backend: "y", key: "other" },
  ],
}
