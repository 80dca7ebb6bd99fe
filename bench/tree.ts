/** A tree of small files as they lie about on disks: sizes from 150 bytes to 60 KB, as many of each magnitude, some twenty files in a folder. */
import { createHash, randomFillSync } from "node:crypto"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"

export interface TreeFile {
  /** relative to the root, with slashes */
  name: string
  /** sha256 of the content in hex */
  hash: string
}

export interface Tree {
  root: string
  files: TreeFile[]
  /** sum of all sizes */
  bytes: number
}

const SMALLEST = 150
const LARGEST = 60_000
const PER_FOLDER = 20

/** The same sizes and names at every run; the bytes differ. */
export async function writeTree(root: string, count: number): Promise<Tree> {
  const files: TreeFile[] = []
  let bytes = 0
  for (let index = 0; index < count; index += 1) {
    const folder = Math.floor(index / PER_FOLDER)
    const name = `area-${folder % 40}/folder-${folder}/file-${index}.bin`
    // The golden ratio spreads the magnitudes evenly without chance.
    const size = Math.round(SMALLEST * (LARGEST / SMALLEST) ** ((index * 0.618033988749895) % 1))
    const content = randomFillSync(Buffer.allocUnsafe(size))
    const path = join(root, name)
    if (index % PER_FOLDER === 0) await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    files.push({ name, hash: sha256(content) })
    bytes += size
  }
  return { root, files, bytes }
}

/** The directory holds exactly these files with these bytes. @throws Error that names the first that it does not */
export async function requireSameTree(tree: Tree, directory: string): Promise<void> {
  for (const { name, hash } of tree.files) {
    const content = await readFile(join(directory, name))
    if (sha256(content) !== hash) throw new Error(`The copy of ${name} has other bytes.`)
  }
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const found = entries.filter((entry) => entry.isFile()).length
  if (found !== tree.files.length) throw new Error(`The copy has ${found} files instead of ${tree.files.length}.`)
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}
