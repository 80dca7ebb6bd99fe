/**
 * Whether a file system gives each file a change time that nobody can set, and moves it on with every change: what network file systems and those of FUSE tell of it comes
 * from elsewhere, and may be the modification time, or made up anew with each mount, as may be their inodes.
 */
import { statfs } from "node:fs/promises"

/** `f_type` of statfs(2): ext2 to ext4, XFS, Btrfs, tmpfs, F2FS, bcachefs. */
const KEEPING = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0xca451a4e])

/** ms for which an answer counts: something may be mounted there */
const HOLDS = 1_000
/** Directories that are remembered: all files of one are on one file system. */
const REMEMBERED = 1_000

export class ChangeTimes {
  readonly #known = new Map<string, { areKept: boolean; until: number }>()

  /** @param directory absolute */
  async areKept(directory: string): Promise<boolean> {
    const now = performance.now()
    const known = this.#known.get(directory)
    if (known && known.until > now) return known.areKept
    const areKept = process.platform === "linux" && KEEPING.has((await statfs(directory)).type)
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(directory, { areKept, until: now + HOLDS })
    return areKept
  }
}
