/** A worker writes only to the root that the server knows: where its disk is not mounted, another directory is at the path. */
import { mkdir, readdir, rename } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { FsBackend } from "../../src/backends/fs.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { silentLog } from "../../src/store/log.ts"
import { openBackend } from "../../workers/open-backend.ts"
import { errorOf } from "../contract/backend/harness.ts"
import { after, temporaryDirectory } from "./backend-fs-root.ts"

const hashers = await createHashers()

it("another directory at its path is not opened, and left as it is", async () => {
  const root = join(await temporaryDirectory(), "root")
  const server = new FsBackend({ driver: "fs", root }, { hashers })
  await server.open({ place: { as: "new", identity: null } })
  await server.close()
  const abilities = { identity: server.identity! }
  const open = () =>
    openBackend(
      "nas",
      { driver: "fs", root },
      { isNear: true, abilities, hashers, log: silentLog, signal: new AbortController().signal },
    )
  const opened = await open()
  after(() => opened.close())
  await rename(root, `${root}-away`)
  await mkdir(root)
  await errorOf(open(), "BACKEND_UNAVAILABLE")
  expect(await readdir(root)).toEqual([])
})
