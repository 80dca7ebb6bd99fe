/** Programs that tests run: found on the PATH, or installed by apt-get where that is at hand. */
import { execFile } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

/** Runs a program; a failure carries what it said. */
export const run = promisify(execFile)

/** Makes sure that a program answers. @throws Error with a sentence that says what to install */
export async function provideProgram(program: string, probe: string[], debianPackage: string): Promise<void> {
  const answers = async (): Promise<void> => void (await run(program, probe))
  try {
    return await answers()
  } catch (error) {
    if (!isMissingProgram(error)) throw error
  }
  if (!isRoot() || !(await hasApt()))
    throw new Error(`${program} is needed: install it (apt-get install ${debianPackage}).`)
  await install(debianPackage)
  await answers()
}

/** One process at a time; a fresh machine has no lists of packages yet. */
export async function install(name: string): Promise<void> {
  process.stderr.write(`${name} is missing; installing it by apt-get\n`)
  const apt = "DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq"
  const script = `${apt} install -y ${name} || { ${apt} update && ${apt} install -y ${name}; }`
  await run("flock", [join(tmpdir(), "stored-test-apt.lock"), "sh", "-c", script])
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

export async function hasApt(): Promise<boolean> {
  return run("apt-get", ["--version"]).then(
    () => true,
    () => false,
  )
}

export function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}
