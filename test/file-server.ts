/** What the contract suite of the rclone driver needs of any server that keeps its files in a local directory. */
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { rcloneSchema } from "../src/backends/rclone/settings.ts"
import { RcloneBackend } from "../src/backends/rclone.ts"
import { isStoredError } from "../src/core/error.ts"
import type { BackendUnderTest } from "./contract/backend/harness.ts"
import { hashers } from "./contract/backend.suite.ts"

export interface ServedFiles {
  remote: string
  config: Record<string, string | number>
  /** the directory that the remote is */
  files: string
  stop(): Promise<void>
}

export interface FileServer extends ServedFiles {
  /** An empty, open backend on it. */
  make(): Promise<BackendUnderTest>
}

export function fileServer(served: ServedFiles): FileServer {
  const { remote, config, files } = served
  // One for all tests: each start of rclone and each login would cost as much as all of a test. It is opened again where a test closed it.
  const backend = new RcloneBackend(rcloneSchema.parse({ driver: "rclone", remote, config }), { hashers })
  const litter = () => readdir(join(files, ".stored-tmp")).catch(() => [])
  const make = async (): Promise<BackendUnderTest> => {
    await backend.healthCheck().catch((error: unknown) => {
      if (isStoredError(error) && error.code === "CLOSED") return backend.open()
      throw error
    })
    return {
      backend,
      litter,
      dispose: async () => {
        for (const name of await readdir(files)) await rm(join(files, name), { recursive: true })
      },
    }
  }
  return { ...served, make, stop: () => backend.close().then(served.stop) }
}
