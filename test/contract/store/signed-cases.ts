/** `signedUrl`: what an address allows, wherever it was asked for. How it is served is in test/unit/signed-urls.test.ts. */
import { expect, test } from "vitest"
import type { SignedGrant, SignedUrlOptions } from "../../../src/store/store.ts"
import { type FaceUnderTest, hex, type OpenFace, text } from "./harness.ts"

const BASE = "https://files.example/below"

/** What the store behind the face finds in an address. */
async function grantOf({ opened }: FaceUnderTest, url: string, method = "GET"): Promise<SignedGrant> {
  const { pathname, searchParams } = new URL(url)
  const name = decodeURIComponent(pathname.replace(/^.*\/v1\/signed\//, ""))
  return opened.store.checkSignedUrl({ method, name, query: Object.fromEntries(searchParams) })
}

export function signedCases(open: OpenFace): void {
  test("of an object is for reading it, for an hour, from where it is told", async () => {
    const face = await open()
    await face.store.put(text, { key: "a folder/ä" })
    const before = Date.now()
    const { url, method, expires } = await face.store.signedUrl("a folder/ä", { base: BASE })
    expect(url).toMatch(/^https:\/\/files\.example\/below\/v1\/signed\/a%20folder\/%C3%A4\?/)
    expect(method).toBe("GET")
    // In whole seconds.
    expect(expires).toBeGreaterThan(before + 3_598_000)
    expect(expires).toBeLessThanOrEqual(Date.now() + 3_600_000)
    expect(await grantOf(face, url)).toMatchObject({ method: "GET", name: "a folder/ä", expires, contentHash: null })
    await expect(grantOf(face, url, "PUT")).rejects.toMatchObject({ code: "FORBIDDEN" })
    await expect(grantOf(face, url.replace("a%20folder", "another"))).rejects.toMatchObject({ code: "FORBIDDEN" })
  })

  test("says what else it allows, and nothing more", async () => {
    const face = await open()
    const { id } = await face.store.put(text, { key: "k" })
    const content = await face.store.signedUrl(id, { base: BASE, contentHash: `sha256:${hex}`, download: true })
    expect(await grantOf(face, content.url)).toMatchObject({ name: id, contentHash: id, download: "" })
    const how = { method: "PUT", expires: 60, maxSize: 10, ifAbsent: true, base: BASE } as const
    const { url, expires } = await face.store.signedUrl("in/new", how)
    const told = { method: "PUT", name: "in/new", expires, maxSize: 10, ifAbsent: true }
    expect(await grantOf(face, url, "PUT")).toMatchObject(told)
  })

  test.each<[string, string, SignedUrlOptions, string]>([
    ["an object that is not there", "none", {}, "NOT_FOUND"],
    ["what is no key", "a//b", { method: "PUT" }, "INVALID_KEY"],
    ["more than a week", "k", { expires: 604_801 }, "INVALID_INPUT"],
    ["no time", "k", { expires: 0 }, "INVALID_INPUT"],
    ["another method", "k", { method: "DELETE" as "GET" }, "INVALID_INPUT"],
    ["a size to read", "k", { maxSize: 1 }, "INVALID_INPUT"],
    ["a name to write", "k", { method: "PUT", download: "x" }, "INVALID_INPUT"],
    ["a base that is none", "k", { base: "ftp://files.example" }, "INVALID_INPUT"],
  ])("is refused for %s", async (_, name, options, code) => {
    const { store } = await open()
    await store.put(text, { key: "k" })
    await expect(store.signedUrl(name, options)).rejects.toMatchObject({ code })
  })

  test("is worth nothing once all were revoked; one that is made after that is", async () => {
    const face = await open()
    await face.store.put(text, { key: "k" })
    const sign = async (): Promise<string> => (await face.store.signedUrl("k", { base: BASE })).url
    const old = await sign()
    await face.store.revokeSignedUrls()
    await expect(grantOf(face, old)).rejects.toMatchObject({ code: "FORBIDDEN" })
    expect(await grantOf(face, await sign())).toMatchObject({ name: "k" })
  })
}
