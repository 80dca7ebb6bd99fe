/** A root is known again: where its disk is not mounted, what lies at its path is another directory, and nothing is made or written there. */
import { cp, mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { ExpectedPlace } from "../../src/backends/backend.ts"
import { FsBackend } from "../../src/backends/fs.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { errorOf, text } from "../contract/backend/harness.ts"
import { after, temporaryDirectory } from "./backend-fs-root.ts"

const hashers = await createHashers()
const LONG_AGO = new Date(1_000_000)

function make(root: string): FsBackend {
  const backend = new FsBackend({ driver: "fs", root }, { hashers })
  after(() => backend.close())
  return backend
}

async function openAs(as: ExpectedPlace["as"], root: string, identity: JsonObject | null = null): Promise<FsBackend> {
  const backend = make(root)
  await backend.open({ place: { as, identity } })
  return backend
}

/** A root that was opened once and holds something, and which it is. */
async function known(): Promise<{ root: string; identity: JsonObject }> {
  const root = join(await temporaryDirectory(), "root")
  const backend = await openAs("new", root)
  await backend.put("k", text("content"))
  await backend.close()
  return { root, identity: backend.identity! }
}

it("is made at the first opening, and marked; later it is the same", async () => {
  const { root, identity } = await known()
  expect(identity).toMatchObject({ marker: expect.stringMatching(/^root-/) })
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([identity.marker])
  expect((await openAs("known", root, identity)).identity).toEqual(identity)
})

it("of which nobody keeps anything is left as it is", async () => {
  const root = join(await temporaryDirectory(), "root")
  const backend = make(root)
  await backend.open()
  expect(backend.identity).toBeUndefined()
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([])
})

it("that is missing is not made again, and the error says what to do", async () => {
  const { root, identity } = await known()
  await rename(root, `${root}-away`)
  const error = await errorOf(openAs("known", root, identity), "BACKEND_UNAVAILABLE")
  expect(error).toMatchObject({ retryable: true, message: expect.stringMatching(/mount its disk.*--accept/) })
  await expect(stat(root)).rejects.toMatchObject({ code: "ENOENT" })
  await rename(`${root}-away`, root)
  await openAs("known", root, identity)
})

it.each([
  ["empty", []],
  ["with something in it", ["other"]],
  ["in which an earlier program has left its own directory", [".stored-tmp/"]],
])("is not the directory at its path that is %s", async (_, names) => {
  const { root, identity } = await known()
  await rename(root, `${root}-away`)
  await mkdir(root)
  for (const name of names) {
    if (name.endsWith("/")) await mkdir(join(root, name))
    else await writeFile(join(root, name), "x")
  }
  const before = await readdir(root)
  const error = await errorOf(openAs("known", root, identity), "BACKEND_UNAVAILABLE")
  expect(error).toMatchObject({ retryable: true, message: expect.stringMatching(/mount its disk.*--accept/) })
  expect(await readdir(root)).toEqual(before)
  // A person says that it is.
  const accepted = await openAs("accepted", root)
  expect(accepted.identity!.marker).not.toBe(identity.marker)
  await openAs("known", root, accepted.identity)
})

it("is known by its marker wherever it was copied to", async () => {
  const { root, identity } = await known()
  await cp(root, `${root}-restored`, { recursive: true })
  await rm(root, { recursive: true })
  await rename(`${root}-restored`, root)
  const backend = await openAs("known", root, identity)
  expect(backend.identity).toMatchObject({ marker: identity.marker })
})

it("is known by itself where somebody has removed the marker, and is marked again", async () => {
  const { root, identity } = await known()
  await rm(join(root, ".stored-tmp"), { recursive: true })
  expect((await openAs("known", root, identity)).identity).toEqual(identity)
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([identity.marker])
})

it("that may not be written is known by itself", async () => {
  const { root } = await known()
  await rm(join(root, ".stored-tmp"), { recursive: true })
  const openReadOnly = async (identity: JsonObject | null) => {
    const backend = make(root)
    await backend.open({ readOnly: true, place: { as: identity ? "known" : "new", identity } })
    return backend.identity!
  }
  const identity = await openReadOnly(null)
  expect(identity).not.toHaveProperty("marker")
  expect(await openReadOnly(identity)).toEqual(identity)
  expect(await readdir(root)).toEqual(["k"])
  await rename(root, `${root}-away`)
  await cp(`${root}-away`, root, { recursive: true })
  await errorOf(openReadOnly(identity), "BACKEND_UNAVAILABLE")
})

it("of an older program, that has told nothing, is any that is not empty", async () => {
  const { root } = await known()
  await rm(join(root, ".stored-tmp"), { recursive: true })
  const { identity } = await openAs("known", root)
  expect(identity).toMatchObject({ marker: expect.stringMatching(/^root-/) })
  await rm(join(root, "k"))
  await rm(join(root, ".stored-tmp", String(identity!.marker)), { recursive: true })
  await errorOf(openAs("known", root), "BACKEND_UNAVAILABLE")
})

it("keeps its marker, however old it is", async () => {
  const { root, identity } = await known()
  await utimes(join(root, ".stored-tmp", String(identity.marker)), LONG_AGO, LONG_AGO)
  await openAs("known", root, identity)
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([identity.marker])
})

it("that becomes another one while it is open is away until it is back", async () => {
  const { root, identity } = await known()
  const backend = await openAs("known", root, identity)
  await rename(root, `${root}-away`)
  await mkdir(join(root, ".stored-tmp"), { recursive: true })
  await errorOf(backend.healthCheck(), "BACKEND_UNAVAILABLE")
  await rm(root, { recursive: true })
  await rename(`${root}-away`, root)
  await backend.healthCheck()
})
