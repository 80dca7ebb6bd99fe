/** Keys that are hard to carry: they come back as they went in, or are refused. */
import { expect, test } from "vitest"
import { keysOf, type OpenFace, text } from "./harness.ts"

const HARD = [
  "a b/é%.bin",
  "100%",
  "%2e%2e/up",
  "a%2Fb",
  "?query=1&x#fragment",
  "...",
  "back\\slash",
  "plus+and;semi:colon@at",
  "日本語/😀",
  "sha256:short",
  `${"k".repeat(200)}/${"é".repeat(400)}`,
]

const REFUSED = [
  "",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/../b",
  "a/./b",
  "a\u0000b",
  "a\nb",
  "\ud800",
  `md5:${"0".repeat(32)}`,
]

export function keyCases(open: OpenFace): void {
  test("hard ones go round through every verb", async () => {
    const { store } = await open()
    for (const key of HARD) {
      await store.put(text, { key, metadata: { name: key } })
      expect(await store.get(key), key).toEqual(text)
      expect(await store.stat(key), key).toMatchObject({ key, custom: { name: key } })
      expect((await store.synced(key)).key, key).toBe(key)
    }
    expect((await keysOf(store)).toSorted()).toEqual(HARD.toSorted())
    expect(await keysOf(store, { prefix: "%2" })).toEqual(["%2e%2e/up"])
    expect(await keysOf(store, { after: "日" })).toEqual(["日本語/😀"])
    for (const key of HARD) await store.delete(key)
    expect(await keysOf(store)).toEqual([])
  })

  test.each(REFUSED)("%j is INVALID_KEY for a put, and means nothing else to the other verbs", async (key) => {
    const { store } = await open()
    await expect(store.put(text, { key })).rejects.toMatchObject({ code: "INVALID_KEY" })
    const others = [store.get(key), store.stat(key).then((found) => found && "found"), store.delete(key)]
    for (const end of await Promise.allSettled(others)) {
      const said = end.status === "rejected" ? end.reason.code : end.value
      // A checksum is no key, but a name to read by.
      expect(key.startsWith("md5:") ? ["NOT_FOUND", null] : ["INVALID_KEY"]).toContain(said)
    }
    expect(await keysOf(store)).toEqual([])
  })
}
