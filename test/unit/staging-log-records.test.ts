/** Records of the intake log: what comes back of them, however the log was cut or damaged. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import { HEADER_BYTES } from "../../src/staging/log-record.ts"
import { bytesOf, idOf } from "../contract/staging-sources.ts"
import { decode, encode, record } from "./staging-log-rows.ts"

describe("records", () => {
  it("come back as they were written", () => {
    const seed = Date.now()
    console.info(`fast-check seed ${seed}`)
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (contents) => {
        const records = contents.map((bytes, index) => {
          const id = idOf(bytes)
          return { id: index % 2 ? (id.replace("sha256", "blake3") as BlobId) : id, bytes: Buffer.from(bytes) }
        })
        expect(decode(encode(records))).toEqual(records)
      }),
      { seed },
    )
  })

  it("before a cut come back whole, wherever in the last record the log is cut", () => {
    const records = [record(bytesOf(100)), record(bytesOf(0)), record(bytesOf(200))]
    const segment = encode(records)
    const last = segment.length - HEADER_BYTES - 200
    for (let end = last; end < segment.length; end += 1) {
      expect(decode(segment.subarray(0, end))).toEqual(records.slice(0, 2))
    }
  })

  it("before garbage come back whole, whatever the tail holds", () => {
    const records = [record(bytesOf(100)), record(bytesOf(50))]
    const segment = encode(records)
    for (const tail of [
      Buffer.alloc(5000),
      bytesOf(5000),
      encode([record(bytesOf(10))]).subarray(0, 40),
      Buffer.from("StLg"),
    ]) {
      expect(decode(Buffer.concat([segment, tail]))).toEqual(records)
    }
  })

  it("around a damaged one come back; the damaged one never does", () => {
    const records = [record(bytesOf(30)), record(bytesOf(40)), record(bytesOf(50))]
    const segment = encode(records)
    const start = HEADER_BYTES + 30
    for (let position = start; position < start + HEADER_BYTES + 40; position += 1) {
      const damaged = Buffer.from(segment)
      damaged[position]! ^= 0x20
      expect(decode(damaged)).toEqual([records[0], records[2]])
    }
  })
})
