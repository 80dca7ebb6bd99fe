import { mkdtemp, readdir, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FsBackend } from "../../src/backends/fs.ts"
import { GIB } from "./backend/harness.ts"
import { backendSuite, hashers } from "./backend.suite.ts"

backendSuite({
  name: "fs",
  largest: { size: 5 * GIB },
  make: async () => {
    const root = await mkdtemp(join(tmpdir(), "stored-fs-"))
    const backend = new FsBackend({ driver: "fs", root }, { hashers })
    await backend.open()
    const dispose = () => backend.close().then(() => rm(root, { recursive: true }))
    const modeOf = async (key: string) => (await stat(join(root, key))).mode & 0o7777
    return { backend, dispose, modeOf, litter: () => readdir(join(root, ".stored-tmp")) }
  },
})
