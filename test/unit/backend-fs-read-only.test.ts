/** An fs backend that is opened to be read only leaves the disk as it is: no root is made, nothing is swept, no file is probed for. */
import { access, mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { FsBackend } from "../../src/backends/fs.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { contentOf, errorOf } from "../contract/backend/harness.ts"
import { after, temporaryDirectory } from "./backend-fs-root.ts"

const hashers = await createHashers()

function make(root: string): FsBackend {
  const backend = new FsBackend({ driver: "fs", root }, { hashers })
  after(() => backend.close())
  return backend
}

it("a missing root is an error that says so, and is not made", async () => {
  const root = join(await temporaryDirectory(), "not", "there")
  const error = await errorOf(make(root).open({ readOnly: true }), "BACKEND_UNAVAILABLE")
  expect(error.message).toContain(root)
  await expect(access(join(root, ".."))).rejects.toMatchObject({ code: "ENOENT" })
})

it("a root that is a file is refused as always", async () => {
  const root = join(await temporaryDirectory(), "file")
  await writeFile(root, "x")
  await errorOf(make(root).open({ readOnly: true }), "INVALID_CONFIG")
})

it("what others left stays, and nothing is touched", async () => {
  const root = await temporaryDirectory()
  const temporary = join(root, ".stored-tmp")
  await mkdir(temporary)
  await writeFile(join(root, "k"), "content")
  await writeFile(join(temporary, "old"), "left over")
  const longAgo = new Date(1_000_000)
  for (const path of [join(temporary, "old"), temporary, root]) await utimes(path, longAgo, longAgo)
  const backend = make(root)
  await backend.open({ readOnly: true })
  expect(await contentOf(backend, "k")).toBe("content")
  expect(await readdir(temporary)).toEqual(["old"])
  for (const path of [temporary, root]) expect((await stat(path)).mtime).toEqual(longAgo)
  await backend.open()
  expect(await readdir(temporary), "opened to be written, it is swept").toEqual([])
})
