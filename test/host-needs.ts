/**
 * What some tests need of the machine: to mount file systems, to trace processes, to set attributes of files, to make devices. One policy for
 * all of them:
 *
 * - As root it must be there. A missing program is installed by apt-get where that is at hand; otherwise the test fails, with a sentence that says
 *   what to install or to allow. Only what the kernel itself does not have may be missing.
 * - For everybody else the test is left out, and one sentence on stderr says what was therefore not shown, and why.
 *   `STORED_TEST_NEEDS=all` makes that a failure too.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { TestContext } from "vitest"
import { hasApt, install, isMissingProgram, isRoot, run } from "./programs.ts"

interface Need {
  /** what cannot be shown without it */
  shows: string
  /** Debian's package of the program */
  package: string
  remedy: string
  /** it is of the kernel, which no test can change: root goes without it, too */
  kernel?: boolean
  probe(): Promise<void>
}

const NEEDS = {
  mount: {
    shows: "what happens on full, read-only and vanishing file systems",
    package: "mount",
    remedy: "run the tests as root, in a container with --cap-add SYS_ADMIN",
    probe: () =>
      inDirectory(async (directory) => {
        await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory])
        await run("umount", ["-l", directory])
      }),
  },
  exfat: {
    shows: "what happens where upper and lower case are one name",
    package: "exfat-fuse exfatprogs",
    remedy:
      "install exfat-fuse and exfatprogs and run the tests as root, in a container with --cap-add SYS_ADMIN, /dev/fuse and loop devices",
    probe: () => inDirectory(async (directory) => void (await (await mountExfat(directory))())),
  },
  folding: {
    shows: "what happens where letters that are spelled with other code points are one name",
    package: "python3-pyfuse3",
    remedy: "install python3-pyfuse3 and run the tests as root, in a container with --cap-add SYS_ADMIN and /dev/fuse",
    probe: () => inDirectory(async (directory) => void (await (await mountFolding(directory))())),
  },
  casefold: {
    shows: "what happens on ext4 with casefold",
    package: "e2fsprogs",
    remedy:
      "run the tests as root on a kernel with CONFIG_UNICODE, in a container with --cap-add SYS_ADMIN and loop devices",
    kernel: true,
    probe: () => inDirectory(async (directory) => void (await (await mountCasefold(directory))())),
  },
  strace: {
    shows: "what happens when a process is killed at, or fails in, any one system call",
    package: "strace",
    remedy:
      "install strace (apt-get install strace) and run the tests as root, in a container with --cap-add SYS_PTRACE",
    probe: probeStrace,
  },
  attributes: {
    shows: "what happens where even root may not write",
    package: "e2fsprogs",
    remedy: "run the tests as root with TMPDIR on ext4, xfs or btrfs, in a container with --cap-add LINUX_IMMUTABLE",
    probe: () =>
      inDirectory(async (directory) => {
        const file = join(directory, "file")
        await writeFile(file, "")
        await run("chattr", ["+i", file])
        await run("chattr", ["-i", file])
      }),
  },
  namespaces: {
    shows: "what happens with workers on other hosts",
    package: "iproute2",
    remedy: "install iproute2 and run the tests as root, in a container with --cap-add SYS_ADMIN --cap-add NET_ADMIN",
    probe: async () => {
      const name = `stored-probe-${process.pid}`
      await run("ip", ["netns", "add", name])
      try {
        await run("ip", ["netns", "exec", name, "unshare", "-m", "true"])
      } finally {
        await run("ip", ["netns", "delete", name])
      }
    },
  },
  devices: {
    shows: "that device files in a root are passed over",
    package: "coreutils",
    remedy: "run the tests as root, in a container with --cap-add MKNOD",
    probe: () => inDirectory(async (directory) => void (await run("mknod", [join(directory, "zero"), "c", "1", "5"]))),
  },
} as const satisfies Record<string, Need>

export type HostNeed = keyof typeof NEEDS

/** Why it is not to be had, null where it is; found out once a process. */
const answers = new Map<HostNeed, Promise<string | null>>()

/** Goes on where the machine has it. Otherwise fails, or leaves the test out and says so; see above. */
export async function requireHost(context: TestContext, name: HostNeed): Promise<void> {
  const known = answers.has(name)
  const answer = answers.get(name) ?? find(NEEDS[name])
  answers.set(name, answer)
  const reason = await answer
  if (reason === null) return
  const { shows, remedy, kernel = false }: Need = NEEDS[name]
  const sentence = `Not shown: ${shows} (${reason}); ${remedy}.`
  if ((isRoot() && !kernel) || process.env.STORED_TEST_NEEDS === "all") throw new Error(sentence)
  if (!known) process.stderr.write(`${sentence}\n`)
  context.skip(sentence)
}

async function find(need: Need): Promise<string | null> {
  try {
    await need.probe()
    return null
  } catch (error) {
    if (!isMissingProgram(error) || !isRoot() || !(await hasApt())) return reasonOf(error)
  }
  try {
    await install(need.package)
    await need.probe()
    return null
  } catch (error) {
    return reasonOf(error)
  }
}

/** An exFAT file system of 16 MiB in a directory of its own below `directory`. @returns what unmounts it */
export async function mountExfat(directory: string): Promise<() => Promise<void>> {
  const image = join(directory, "image")
  const root = join(directory, "root")
  await writeFile(image, "")
  await truncate(image, 16 * 2 ** 20)
  await mkdir(root)
  await run("mkfs.exfat", [image])
  const device = (await run("losetup", ["-f", "--show", image])).stdout.trim()
  const free = async (): Promise<void> => void (await run("losetup", ["-d", device]))
  try {
    await run("mount.exfat-fuse", [device, root])
  } catch (error) {
    await free()
    throw error
  }
  return async () => {
    await run("umount", [root])
    await free()
  }
}

/** An ext4 of 16 MiB whose root folds names, in a directory of its own below `directory`. @returns what unmounts it */
export async function mountCasefold(directory: string): Promise<() => Promise<void>> {
  const image = join(directory, "image")
  const mounted = join(directory, "mounted")
  await writeFile(image, "")
  await truncate(image, 16 * 2 ** 20)
  await mkdir(mounted)
  await run("mkfs.ext4", ["-q", "-O", "casefold", "-E", "encoding=utf8", image])
  await run("mount", ["-o", "loop", image, mounted])
  const end = async (): Promise<void> => void (await run("umount", [mounted]))
  try {
    await mkdir(join(mounted, "root"))
    await run("chattr", ["+F", join(mounted, "root")])
    await symlink(join("mounted", "root"), join(directory, "root"))
  } catch (error) {
    await end()
    throw error
  }
  return end
}

const FOLDING = fileURLToPath(new URL("folding-fs.py", import.meta.url))
/** Debian's own: others do not have its packages. */
const PYTHON = "/usr/bin/python3"

/** A file system that folds names and normalises them, at `root` in `directory`. @returns what unmounts it */
export async function mountFolding(directory: string): Promise<() => Promise<void>> {
  await run(PYTHON, ["-c", "import pyfuse3"]).catch((cause: unknown) => {
    throw Object.assign(new Error("python3-pyfuse3 is missing", { cause }), { code: "ENOENT" })
  })
  const [source, root] = [join(directory, "source"), join(directory, "root")]
  for (const path of [source, root]) await mkdir(path)
  const child = spawn(PYTHON, [FOLDING, source, root], { stdio: ["ignore", "pipe", "inherit"] })
  const exited = once(child, "exit")
  const [said] = (await Promise.race([once(child.stdout, "data"), exited])) as [Buffer | number | null]
  if (!String(said).startsWith("ready")) throw new Error(`folding-fs.py ended with ${said}`)
  return async () => {
    await run("umount", ["-l", root])
    await exited
  }
}

/** Attaches to a process, which is more than starting one under strace. */
async function probeStrace(): Promise<void> {
  await run("strace", ["-V"])
  const target = spawn("sleep", ["60"], { stdio: "ignore" })
  await once(target, "spawn")
  const tracer = spawn("strace", ["-p", String(target.pid)], { stdio: ["ignore", "ignore", "pipe"] })
  try {
    await new Promise<void>((resolve, reject) => {
      let said = ""
      tracer.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes("attached")) resolve()
      })
      tracer.on("error", reject)
      tracer.on("exit", () => reject(new Error(said.trim())))
    })
  } finally {
    await Promise.all([end(tracer), end(target)])
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "stored-host-"))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function reasonOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr?.trim() || message || String(error)).split("\n")[0] ?? ""
}
