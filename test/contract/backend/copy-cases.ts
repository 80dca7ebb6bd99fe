/** A copy within the backend is a put without bytes: of what was proven, and of nothing else. A driver without that ability is told so. */
import { expect, it } from "vitest"
import type { ProvenContent } from "../../../src/backends/backend.ts"
import type { HasherFactory } from "../../../src/core/checksum.ts"
import { type BackendSuite, type BackendUnderTest, bytes, contentOf, errorOf, keysOf, text } from "./harness.ts"

const CONTENT = Buffer.from("the bytes of the first one")

export function copyCases(suite: BackendSuite, made: () => BackendUnderTest, hashers: HasherFactory): void {
  const checksum = { algorithm: "sha256", hex: hashers.hash("sha256", CONTENT) } as const
  /** Puts the content, and tells how it was proven. */
  const fill = async (): Promise<ProvenContent> => {
    const { backend } = made()
    await backend.put("a/from", bytes(CONTENT), { checksum, mimeType: "text/plain" })
    const etag = (await backend.stat("a/from"))?.etag
    return { size: CONTENT.length, checksum, etag: etag! }
  }

  it("copies what was proven, with the time it is given, over what is there", async ({ skip }) => {
    const { backend } = made()
    if (!backend.copy) return skip("the driver does not copy")
    const proven = await fill()
    await backend.put("b/to", text("what was there"))
    const copied = await backend.copy("a/from", "b/to", { proven, modified: 1_700_000_000_000, mimeType: "text/html" })
    expect(copied.key).toBe("b/to")
    expect(await contentOf(backend, "b/to")).toBe(CONTENT.toString())
    expect(await keysOf(backend)).toEqual(["a/from", "b/to"])
    const seen = await backend.stat("b/to")
    if (copied.etag !== undefined) expect(seen?.etag).toBe(copied.etag)
    if (suite.times?.given !== false) expect(seen?.modified).toBe(1_700_000_000_000)
    await backend.delete("a/from")
    expect(await contentOf(backend, "b/to")).toBe(CONTENT.toString())
  })

  it("copies nothing that is gone, or another by now", async ({ skip }) => {
    const { backend, litter } = made()
    if (!backend.copy) return skip("the driver does not copy")
    const proven = await fill()
    await backend.put("to", text("stays"))
    await errorOf(backend.copy("absent", "to", { proven }), "NOT_FOUND")
    await backend.put("a/from", text("another content of some size"))
    await errorOf(backend.copy("a/from", "to", { proven }), "CONFLICT")
    await errorOf(backend.copy("a/from", "new", { proven }), "CONFLICT")
    expect(await contentOf(backend, "to")).toBe("stays")
    expect(await keysOf(backend)).toEqual(["a/from", "to"])
    expect(await litter()).toEqual([])
  })

  it("copies nothing once the signal has fired, nor under a key that is none", async ({ skip }) => {
    const { backend } = made()
    if (!backend.copy) return skip("the driver does not copy")
    const proven = await fill()
    await errorOf(backend.copy("a/from", "to", { proven, signal: AbortSignal.abort() }), "ABORTED")
    await errorOf(backend.copy("a/from", "../to", { proven }), "INVALID_KEY")
    await errorOf(backend.copy("../from", "to", { proven }), "INVALID_KEY")
    expect(await keysOf(backend)).toEqual(["a/from"])
  })
}
