/** A tree as the scans are measured on: files of 1 KiB to 1 MiB, a tenth of a megabyte on average, a hundred in a folder. */
import { randomFillSync } from "node:crypto"
import { mkdir, utimes, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"

const SMALLEST = 1024
const LARGEST = 2 ** 20
const PER_FOLDER = 100

/** The same sizes and names at every run; all contents differ. */
export async function writeScanTree(root: string, files: number): Promise<{ files: number; bytes: number }> {
  const content = randomFillSync(Buffer.allocUnsafe(LARGEST))
  const past = new Date("2020-01-01T00:00:00Z")
  let bytes = 0
  for (let index = 0; index < files; index += 1) {
    const path = join(
      root,
      `area-${Math.floor(index / PER_FOLDER) % 20}`,
      `folder-${Math.floor(index / PER_FOLDER)}`,
      `file-${index}.bin`,
    )
    // The golden ratio spreads them without chance; the power makes small ones frequent.
    const spread = (index * 0.618033988749895) % 1
    const size = Math.round(SMALLEST * (LARGEST / SMALLEST) ** (spread ** 1.6))
    content.writeUInt32LE(index)
    if (index % PER_FOLDER === 0) await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content.subarray(0, size))
    await utimes(path, past, past)
    bytes += size
  }
  return { files, bytes }
}
