/**
 * What the machine and Node can do of the same work on a tree, with nothing around it: no catalog, no journal, no queue, no retry. Each file is read and
 * hashed, written under the name of its hash, copied under its own name, the copy synced with its directory, read back and hashed again. Without the
 * syncs, what is left is Node and the file system.
 */
import { createHash } from "node:crypto"
import { mkdir, open, readFile, rename, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { inFlight } from "./measure.ts"
import type { Tree } from "./tree.ts"

const WIDTH = 32

export async function copyBarely(tree: Tree, target: string, sync: boolean): Promise<void> {
  const staging = join(target, "staging")
  await mkdir(staging)
  await inFlight(WIDTH, tree.files.length, async (index) => {
    const { name } = tree.files[index]!
    const content = await readFile(join(tree.root, name))
    const hash = sha256(content)
    await writeFile(`${staging}/.${index}`, content)
    const staged = join(staging, hash.slice(0, 2), hash.slice(2, 4), hash)
    await mkdir(dirname(staged), { recursive: true })
    await rename(`${staging}/.${index}`, staged)
    await place(join(target, `.${index}`), join(target, "copy", name), await readFile(staged), sync)
    if (sha256(await readFile(join(target, "copy", name))) !== hash) throw new Error(`${name} was not copied rightly.`)
  })
}

async function place(temporary: string, path: string, content: Buffer, sync: boolean): Promise<void> {
  const file = await open(temporary, "wx")
  try {
    await file.writeFile(content)
    if (sync) await file.sync()
  } finally {
    await file.close()
  }
  await mkdir(dirname(path), { recursive: true })
  await rename(temporary, path)
  if (!sync) return
  const directory = await open(dirname(path), "r")
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}
