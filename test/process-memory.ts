/**
 * How much memory a process takes, looked at from outside while it runs.
 *
 * Its own is what the kernel cannot have back: its anonymous pages, and its program. The pages of the catalog's file, which LMDB maps, are the page cache's:
 * the kernel shows them as resident in whoever read them last, keeps them while nobody else wants the memory, and drops them when somebody does. So many
 * of them are resident as the catalog is large, on a machine with room; on one without it they are not.
 */
import { readFileSync } from "node:fs"

/** MiB */
export interface MemoryPeaks {
  /** anonymous pages and the program */
  own: number
  /** all that was resident at a time, with what is mapped of the catalog */
  resident: number
}

export interface MemoryWatch {
  readonly samples: number
  peaks(): MemoryPeaks
  end(): void
}

const EVERY_MS = 20

/** @param pid of a process that has just been started */
export function watchMemory(pid: number): MemoryWatch {
  let samples = 0
  let [anonymous, resident] = [0, 0]
  /** what is mapped before a catalog is open; it grows by what of the program is used later, which is read anew each time */
  let program = 0
  const look = (): void => {
    const status = read(`/proc/${pid}/status`)
    if (!status) return
    samples += 1
    anonymous = Math.max(anonymous, kibibytes(status, "RssAnon"))
    resident = Math.max(resident, kibibytes(status, "VmHWM"))
    if (samples % 50 === 1) program = Math.max(program, kibibytes(status, "RssFile") - catalogPages(pid))
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  return {
    get samples() {
      return samples
    },
    peaks: () => ({ own: Math.round((anonymous + program) / 1024), resident: Math.round(resident / 1024) }),
    end: () => clearInterval(timer),
  }
}

/** KiB of the catalog's file that are mapped and resident. */
function catalogPages(pid: number): number {
  const maps = (read(`/proc/${pid}/smaps`) ?? "").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  const catalog = maps.filter((map) => /^.*\.mdb$/m.test(map))
  return catalog.reduce((sum, map) => sum + kibibytes(map, "Rss"), 0)
}

function kibibytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0)
}

/** Null once the process has ended. */
function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return null
  }
}
