/** A small file system of its own for one test, to fill up. Needs the right to mount; without it the test is skipped and says why. */
import { execFile } from "node:child_process"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { onTestFinished, type TestContext } from "vitest"
import { temporaryDirectory } from "../flow/open-store.ts"

const run = promisify(execFile)

/** @param options of the mount, e.g. `size=4m` or `nr_inodes=100` */
export async function mountTmpfs(context: TestContext, options: string): Promise<string> {
  const path = join(await temporaryDirectory(), "small")
  await mkdir(path)
  try {
    await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
  } catch (error) {
    const { stderr } = error as { stderr?: string }
    context.skip(`a tmpfs cannot be mounted here (${stderr?.trim() ?? String(error)}); run this test as root`)
  }
  onTestFinished(async () => void (await run("umount", ["-l", path])))
  return path
}

/** Changes the options of a mount, e.g. `ro` or `size=8m`. */
export async function remount(path: string, options: string): Promise<void> {
  await run("mount", ["-o", `remount,${options}`, path])
}
