/**
 * The files that are being written, in the root's own directory so that a rename brings them to their place.
 *
 * A name tells who writes it: `<machine>.<pid>.<start time>.<random>.<count>`. So `sweep` removes what dead processes of this machine left, never
 * what a live one is writing; what comes from elsewhere (another host, another container) goes once nobody has touched it for a day.
 */
import { createHash, randomBytes } from "node:crypto"
import { constants, readFileSync, readlinkSync } from "node:fs"
import { opendir } from "node:fs/promises"
import { hostname } from "node:os"
import { close, isAbsence, lstat, open, unlink } from "./calls.ts"
import type { Directories } from "./directories.ts"
import type { Directory } from "./directory.ts"
import { TEMPORARY } from "./place.ts"

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const FOREIGN_MAX_AGE = 24 * 60 * 60 * 1000
const NAME = /^([0-9a-f]{12})\.(\d+)\.(\d+)\.[0-9a-f]{8}\.[0-9a-z]+(?:e\u0301|\u00e9)?$/
/** What a process of this boot and pid namespace calls itself; start times of other machines say nothing here. */
const MACHINE = machine()

export interface TemporaryFile {
  fd: number
  /** where it lies until it is renamed or removed */
  path: string
  directory: Directory
}

export class Temporaries {
  readonly #directories: Directories
  readonly #prefix = `${MACHINE}.${process.pid}.${startTime(process.pid) ?? 0}.${randomBytes(4).toString("hex")}`
  #count = 0

  constructor(directories: Directories) {
    this.#directories = directories
  }

  /** A new empty file, open for writing. Its directory must be released. @param mode permission bits, less the process's mask */
  async create(mode: number): Promise<TemporaryFile> {
    const directory = await this.#directories.make(TEMPORARY)
    try {
      this.#count += 1
      const path = directory.at(`${this.#prefix}.${this.#count.toString(36)}`)
      return { fd: await open(path, FLAGS, mode), path, directory }
    } catch (error) {
      this.#directories.releaseWriter(directory)
      throw error
    }
  }

  /** An empty file, closed, whose name can be spelled in two ways. */
  async createNamed(): Promise<Omit<TemporaryFile, "fd"> & { name: string }> {
    const directory = await this.#directories.make(TEMPORARY)
    try {
      this.#count += 1
      const name = `${this.#prefix}.${this.#count.toString(36)}\u00e9`
      const path = directory.at(name)
      await close(await open(path, FLAGS, 0o600))
      return { path, directory, name }
    } catch (error) {
      this.#directories.releaseWriter(directory)
      throw error
    }
  }

  release(file: Pick<TemporaryFile, "directory">): void {
    this.#directories.releaseWriter(file.directory)
  }

  /** Removes what dead processes left. How many files. */
  async sweep(): Promise<number> {
    const directory = await this.#directories.find(TEMPORARY)
    if (!directory) return 0
    let removed = 0
    try {
      for await (const entry of await opendir(directory.place())) {
        if (entry.isDirectory() || !(await isLeftOver(directory.at(entry.name), entry.name))) continue
        await unlink(directory.at(entry.name))
        removed += 1
      }
    } finally {
      this.#directories.release(directory)
    }
    return removed
  }
}

async function isLeftOver(path: string, name: string): Promise<boolean> {
  const match = NAME.exec(name)
  if (match && match[1] === MACHINE) return startTime(Number(match[2])) !== match[3]
  try {
    return Date.now() - (await lstat(path)).mtimeMs > FOREIGN_MAX_AGE
  } catch (error) {
    // Somebody else swept it, or its owner has renamed it.
    if (isAbsence(error)) return false
    throw error
  }
}

/** When a process started, in ticks since the boot, or null where there is none such. Pids come again, start times do not. */
function startTime(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in parentheses may hold spaces and parentheses itself; the fields after it do not.
    return line.slice(line.lastIndexOf(")") + 2).split(" ")[19] ?? null
  } catch (error) {
    if (isAbsence(error) || (error instanceof Error && "code" in error && error.code === "ESRCH")) return null
    throw error
  }
}

function machine(): string {
  const boot = tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))
  const namespace = tryRead(() => readlinkSync("/proc/self/ns/pid"))
  // Without both, nothing tells a dead process from a live one elsewhere: a name of its own leaves the rule of the day.
  const identity = boot && namespace ? `${boot}${namespace}` : `${hostname()}${randomBytes(8).toString("hex")}`
  return createHash("sha256").update(identity).digest("hex").slice(0, 12)
}

function tryRead(read: () => string): string | null {
  try {
    return read()
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
}
