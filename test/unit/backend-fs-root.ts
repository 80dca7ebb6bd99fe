/** An fs backend on a temporary directory of its own, closed and removed after each test. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, type TestContext } from "vitest"
import type { SkippedEntry } from "../../src/backends/backend.ts"
import { FsBackend, type FsConfig } from "../../src/backends/fs.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { requireHost } from "../host-needs.ts"
import { run } from "../programs.ts"

const hashers = await createHashers()

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export function after(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup)
}

/** A directory that goes after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stored-fs-"))
  after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export interface OpenBackend {
  root: string
  backend: FsBackend
  /** what was passed over so far */
  skipped: SkippedEntry[]
}

export async function openBackend(config: Partial<FsConfig> = {}): Promise<OpenBackend> {
  const root = config.root ?? join(await temporaryDirectory(), "root")
  const skipped: SkippedEntry[] = []
  const onSkip = (entry: SkippedEntry) => void skipped.push(entry)
  const backend = new FsBackend({ driver: "fs", ...config, root }, { hashers, onSkip })
  await backend.open()
  after(() => backend.close())
  return { root, backend, skipped }
}

/** Mounts a tmpfs. */
export async function mountTmpfs(context: TestContext, options: string): Promise<string> {
  await requireHost(context, "mount")
  const directory = await temporaryDirectory()
  await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory])
  after(() => run("umount", ["-l", directory]).catch(() => {}))
  return directory
}
