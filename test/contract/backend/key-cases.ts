/** Cases of keys: odd ones are kept byte for byte and stay distinct, bad ones are refused. */
import { expect, it } from "vitest"
import { MAX_KEY_BYTES } from "../../../src/core/key.ts"
import { type BackendSuite, type BackendUnderTest, byUtf8, contentOf, errorOf, keysOf, text } from "./harness.ts"

const ODD = [
  "plain",
  "with space",
  " leading and trailing ",
  "100%",
  "%2e%2e/%2f",
  "what?",
  "frag#ment",
  "back\\slash",
  "..\\..\\up",
  "emoji/😀/🏳️‍🌈.txt",
  "\u00e9 composed",
  "e\u0301 decomposed",
  "日本語/ファイル",
  ".hidden",
  ".hid/.deep",
  "trailing.",
  "trailing.dots...",
  "...",
  "..a/a..",
  "quote'\"`",
  "star*?[a]{b}",
  "-rf",
  "~",
  "$HOME",
  "a:b",
  "a|b<c>d",
  "semi;colon&and",
  "CON",
  "notes.txt~",
  "\uffff last of the plane",
  "\u2028 line separator",
  "ends in (deleted)",
  "dir (deleted)/x",
]

export function keyCases(suite: BackendSuite, made: () => BackendUnderTest): void {
  it.each(ODD)("keeps the key %j", async (key) => {
    const { backend } = made()
    await backend.put(key, text(key))
    expect(await contentOf(backend, key)).toBe(key)
    expect(await backend.stat(key)).toMatchObject({ size: Buffer.byteLength(key) })
    expect(await keysOf(backend)).toEqual([key])
    await backend.delete(key)
    expect(await backend.stat(key)).toBeNull()
    expect(await keysOf(backend)).toEqual([])
  })

  it("keeps all odd keys beside each other", async () => {
    const { backend } = made()
    for (const key of ODD) await backend.put(key, text(`content of ${key}`))
    expect(await keysOf(backend)).toEqual([...ODD].sort(byUtf8))
    for (const key of ODD) expect(await contentOf(backend, key)).toBe(`content of ${key}`)
  })

  it("tells composed from decomposed characters", async () => {
    const { backend } = made()
    await backend.put("caf\u00e9", text("composed"))
    await backend.put("cafe\u0301", text("decomposed"))
    expect(await contentOf(backend, "caf\u00e9")).toBe("composed")
    expect(await contentOf(backend, "cafe\u0301")).toBe("decomposed")
    expect(await keysOf(backend)).toEqual(["cafe\u0301", "caf\u00e9"])
  })

  it("tells capitals from small letters", async () => {
    const { backend } = made()
    for (const key of ["Key", "key", "KEY"]) await backend.put(key, text(key))
    expect(await keysOf(backend)).toEqual(["KEY", "Key", "key"])
    expect(await contentOf(backend, "Key")).toBe("Key")
  })

  it("keeps a key of as many bytes as it takes, and refuses one more", async () => {
    const { backend } = made()
    const most = backend.capabilities.maxKeyBytes
    const key = "d".repeat(203).concat("/").repeat(5).slice(0, most).padEnd(most, "f")
    expect(Buffer.byteLength(key)).toBe(most)
    expect(most).toBeGreaterThan(900)
    const code = most === MAX_KEY_BYTES ? "INVALID_KEY" : "BACKEND_REFUSED"
    await errorOf(backend.put(`${key}f`, text("farther")), code)
    await backend.put(key, text("far"))
    expect(await contentOf(backend, key)).toBe("far")
    expect(await keysOf(backend)).toEqual([key])
  })

  it("keeps a part of a key of 255 bytes", async () => {
    const { backend } = made()
    const key = `${"é".repeat(127)}x/${"y".repeat(255)}`
    await backend.put(key, text("wide"))
    expect(await contentOf(backend, key)).toBe("wide")
    expect(await keysOf(backend)).toEqual([key])
  })

  it("keeps a key of as many parts as it takes", async () => {
    const { backend } = made()
    const most = Math.min(
      Math.floor(backend.capabilities.maxKeyBytes / 2),
      suite.parts?.most ?? Number.POSITIVE_INFINITY,
    )
    const key = Array.from({ length: most }, () => "p").join("/")
    await backend.put(key, text("deep"))
    expect(await keysOf(backend)).toEqual([key])
    await backend.delete(key)
    expect(await keysOf(backend)).toEqual([])
  })

  it.each(["../up", "a/../../up", "/etc/passwd", "a//b", "a/", "./a", "", "a\u0000b", "a\nb", "x".repeat(1025)])(
    "refuses the key %j everywhere",
    async (key) => {
      const { backend } = made()
      await errorOf(backend.put(key, text("x")), "INVALID_KEY")
      await errorOf(backend.get(key), "INVALID_KEY")
      await errorOf(backend.stat(key), "INVALID_KEY")
      await errorOf(backend.delete(key), "INVALID_KEY")
      expect(await keysOf(backend)).toEqual([])
    },
  )

  it("keeps one, and says no to the other, or keeps both, where a key is another's directory", async () => {
    const { backend } = made()
    await backend.put("a", text("file"))
    if (backend.capabilities.hierarchicalKeysConflict) {
      const below = await errorOf(backend.put("a/b", text("below")), "BACKEND_REFUSED")
      expect(below.retryable).toBe(false)
      expect(await contentOf(backend, "a")).toBe("file")
      expect(await backend.stat("a/b")).toBeNull()
      await errorOf(backend.get("a/b"), "NOT_FOUND")
      await backend.delete("a/b")
      await backend.delete("a")
      await backend.put("a/b", text("below"))
      await errorOf(backend.put("a", text("file")), "BACKEND_REFUSED")
      await backend.delete("a")
      expect(await backend.stat("a")).toBeNull()
      expect(await keysOf(backend)).toEqual(["a/b"])
    } else {
      await backend.put("a/b", text("below"))
      expect(await keysOf(backend)).toEqual(["a", "a/b"])
    }
    expect(await made().litter()).toEqual([])
  })
}
