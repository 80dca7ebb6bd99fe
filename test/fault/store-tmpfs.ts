/** A small file system of its own for one test, to fill up, or to make read-only. */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { onTestFinished, type TestContext } from "vitest"
import { temporaryDirectory } from "../flow/open-store.ts"
import { requireHost } from "../host-needs.ts"
import { run } from "../programs.ts"

/** @param options of the mount, e.g. `size=4m` or `nr_inodes=100` */
export async function mountTmpfs(context: TestContext, options: string): Promise<string> {
  await requireHost(context, "mount")
  const path = join(await temporaryDirectory(), "small")
  await mkdir(path)
  await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
  onTestFinished(async () => void (await run("umount", ["-l", path])))
  return path
}

/** Changes the options of a mount, e.g. `ro` or `size=8m`. */
export async function remount(path: string, options: string): Promise<void> {
  await run("mount", ["-o", `remount,${options}`, path])
}
