/** The fs driver where upper and lower case are one name (exFAT, for real): keys are told apart by their bytes, or refused. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it, type TestContext } from "vitest"
import { contentOf, errorOf, keysOf, text } from "../contract/backend/harness.ts"
import { mountExfat, requireHost } from "../host-needs.ts"
import { after, type OpenBackend, openBackend, temporaryDirectory } from "./backend-fs-root.ts"

async function openExfat(context: TestContext): Promise<OpenBackend> {
  await requireHost(context, "exfat")
  const directory = await temporaryDirectory()
  after(await mountExfat(directory))
  return openBackend({ root: join(directory, "root") })
}

it("is told to be such a one, and others are not", async (context) => {
  const { backend } = await openExfat(context)
  expect(backend.abilities).toEqual({ foldsNames: true })
  expect((await openBackend()).backend.abilities).toBeUndefined()
})

it("a key that another key's file answers to is refused, absent, and deletes nothing", async (context) => {
  const { backend, root } = await openExfat(context)
  await backend.put("Photo", text("first"))
  const error = await errorOf(backend.put("photo", text("second")), "BACKEND_REFUSED")
  expect(error).toMatchObject({ retryable: false })
  expect(error.message).toContain('the name of "Photo"')
  expect(await backend.stat("photo")).toBeNull()
  await errorOf(backend.get("photo"), "NOT_FOUND")
  expect(await backend.checksum("photo", "sha256")).toBeNull()
  await backend.delete("photo")
  expect(await contentOf(backend, "Photo")).toBe("first")
  await backend.put("Photo", text("third"))
  expect(await contentOf(backend, "Photo")).toBe("third")
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
  await backend.delete("Photo")
  await backend.put("photo", text("second"))
  expect(await keysOf(backend)).toEqual(["photo"])
})

it("the same holds of directories, in listings too", async (context) => {
  const { backend } = await openExfat(context)
  await backend.put("Album/Summer/a", text("first"))
  for (const key of ["album/Summer/b", "Album/summer/b", "ALBUM", "Album/Summer/A"])
    expect((await errorOf(backend.put(key, text("x")), "BACKEND_REFUSED")).message, key).toContain("takes it for")
  expect(await backend.stat("album/summer/a")).toBeNull()
  await backend.delete("album/Summer/a")
  expect(await keysOf(backend)).toEqual(["Album/Summer/a"])
  expect(await keysOf(backend, { prefix: "album/" })).toEqual([])
  expect(await keysOf(backend, { prefix: "Album/Su" })).toEqual(["Album/Summer/a"])
  await errorOf(backend.put(".Stored-Tmp/x", text("x")), "BACKEND_REFUSED")
})

it("of many that come at once one is kept, and the others are told", async (context) => {
  const { backend } = await openExfat(context)
  const keys = Array.from({ length: 16 }, (_, index) =>
    [..."file"].map((letter, at) => (index & (1 << at) ? letter.toUpperCase() : letter)).join(""),
  )
  const puts = await Promise.allSettled(keys.map((key) => backend.put(key, text(key))))
  const kept = keys.filter((_, index) => puts[index]!.status === "fulfilled")
  expect(kept).toHaveLength(1)
  expect(await keysOf(backend)).toEqual(kept)
  expect(await contentOf(backend, kept[0]!)).toBe(kept[0])
})

it("what others have put there is found under its own names", async (context) => {
  const { backend, root } = await openExfat(context)
  await mkdir(join(root, "Theirs"))
  await writeFile(join(root, "Theirs", "README"), "theirs")
  expect(await keysOf(backend)).toEqual(["Theirs/README"])
  await errorOf(backend.put("Theirs/readme", text("ours")), "BACKEND_REFUSED")
  expect(await readFile(join(root, "Theirs", "README"), "utf8")).toBe("theirs")
})
