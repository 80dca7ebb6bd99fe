/** Checksums: known answers, chunking, streams that run side by side, the native addon against WebAssembly. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createHashers } from "../../src/checksums/hashers.ts"
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, isDigest } from "../../src/core/checksum.ts"

const fast = await createHashers()
const portable = await createHashers({ native: false })
const factories = { fast, portable }

/** The input of the official BLAKE3 vectors. */
const ramp = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const VECTORS: [ChecksumAlgorithm, Uint8Array, string][] = [
  ["sha256", text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["sha256", text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ["sha1", text(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["sha1", text("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["md5", text(""), "d41d8cd98f00b204e9800998ecf8427e"],
  ["md5", text("abc"), "900150983cd24fb0d6963f7d28e17f72"],
  ["blake3", text(""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"],
  ["blake3", text("abc"), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"],
  ["blake3", ramp(1024), "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"],
  ["blake3", ramp(102400), "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"],
  ["xxh3", text(""), "2d06800538d394c2"],
  ["xxh3", text("abc"), "78af5f94892f3950"],
  ["crc32c", text(""), "00000000"],
  ["crc32c", text("123456789"), "e3069283"],
  // RFC 3720, B.4: 32 bytes of zeros, then of ones
  ["crc32c", new Uint8Array(32), "8a9136aa"],
  ["crc32c", new Uint8Array(32).fill(255), "62a8ab43"],
]

describe.each(Object.entries(factories))("%s hashers", (_, hashers) => {
  it.each(VECTORS)("%s: a known answer (vector %#)", (algorithm, bytes, hex) => {
    expect(hashers.hash(algorithm, bytes)).toBe(hex)
    const running = hashers.create(algorithm)
    running.update(bytes)
    expect(running.digest()).toBe(hex)
  })

  it.each(CHECKSUM_ALGORITHMS)("%s: no update at all is the empty input", (algorithm) => {
    expect(hashers.create(algorithm).digest()).toBe(hashers.hash(algorithm, new Uint8Array()))
  })

  it.each(CHECKSUM_ALGORITHMS)("%s: the same whatever the chunks", (algorithm) => {
    const bytes = ramp(300_000)
    const whole = hashers.hash(algorithm, bytes)
    expect(isDigest(algorithm, whole)).toBe(true)
    for (const chunk of [1, 63, 64, 65, 1023, 1024, 1025, 16_384, 65_536, 299_999].filter((size) => size > 32)) {
      const running = hashers.create(algorithm)
      for (let at = 0; at < bytes.length; at += chunk) running.update(bytes.subarray(at, at + chunk))
      expect(running.digest(), `chunks of ${chunk}`).toBe(whole)
    }
  })

  it("keeps streams apart that run side by side, and one-shots in between", () => {
    const piece = fc.record({ stream: fc.nat(4), bytes: fc.uint8Array({ maxLength: 3000 }), oneShot: fc.boolean() })
    fc.assert(
      fc.property(fc.constantFrom(...CHECKSUM_ALGORITHMS), fc.array(piece, { maxLength: 40 }), (algorithm, pieces) => {
        const streams = Array.from({ length: 5 }, () => ({
          hasher: hashers.create(algorithm),
          seen: [] as Uint8Array[],
        }))
        for (const { stream, bytes, oneShot } of pieces) {
          streams[stream]!.hasher.update(bytes)
          streams[stream]!.seen.push(bytes)
          if (oneShot) expect(hashers.hash(algorithm, text("abc"))).toBe(portable.hash(algorithm, text("abc")))
        }
        for (const { hasher, seen } of streams) {
          expect(hasher.digest()).toBe(hashers.hash(algorithm, Buffer.concat(seen)))
        }
      }),
    )
  })

  it.each(CHECKSUM_ALGORITHMS)("%s: refuses to go on after its digest", (algorithm) => {
    const running = hashers.create(algorithm)
    running.digest()
    expect(() => running.update(text("more"))).toThrow()
    expect(() => running.digest()).toThrow()
  })
})

it("gives the same blake3 natively and by WebAssembly", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      expect(fast.hash("blake3", bytes)).toBe(portable.hash("blake3", bytes))
    }),
  )
})
