/** Random changes of a live folder, and what the folder and the catalog hold afterwards, for tests of properties. */
import { createHash } from "node:crypto"
import {
  appendFile,
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises"
import { dirname, join } from "node:path"
import fc from "fast-check"
import type { OpenedStore } from "../../src/compose.ts"

const NAMES = ["a", "b", "-c", "#d", "a b", "é", "d/a", "d/b", "d/e/a", "日本/#1 -x", "d/e/ü.txt~"] as const
const FOLDERS = ["d", "d/e", "日本", "new"] as const
const BURST = 60
const name = fc.constantFrom(...NAMES)
const folder = fc.constantFrom(...FOLDERS)
const content = fc.constantFrom("", "x", "y", "yy", "some content", "z".repeat(70_000))

/** `rewrite`: other bytes of the same number, under the same time. `burst`: many files at once, of which some go again. */
export type Change =
  | { type: "write" | "append"; name: string; content: string }
  | { type: "rename" | "swap" | "link"; name: string; to: string }
  | { type: "remove" | "touch" | "chmod" | "rewrite"; name: string }
  | { type: "renameFolder"; folder: string; to: string }
  | { type: "removeFolder" | "burst"; folder: string }

export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constantFrom("write", "append"), name, content }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("rename", "swap", "link"), name, to: name }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("remove", "touch", "chmod", "rewrite"), name }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("renameFolder"), folder, to: folder }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("removeFolder", "burst"), folder }) },
) as fc.Arbitrary<Change>

/** What cannot be done, because a file is not there or a directory is in the way, is not done. */
export async function change(root: string, step: Change): Promise<void> {
  const path = join(root, "name" in step ? step.name : step.folder)
  await act(root, path, step).catch((error: NodeJS.ErrnoException) => {
    const code = error.code ?? ""
    if (!["ENOENT", "EEXIST", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EINVAL"].includes(code)) throw error
  })
}

async function act(root: string, path: string, step: Change): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  switch (step.type) {
    case "write":
      return writeFile(path, step.content)
    case "append":
      return appendFile(path, step.content)
    case "rename":
      return rename(path, join(root, step.to))
    case "link":
      return link(path, join(root, step.to))
    case "swap": {
      const spare = join(root, "spare")
      await rename(path, spare)
      await rename(join(root, step.to), path).catch(() => {})
      return rename(spare, join(root, step.to))
    }
    case "remove":
      return rm(path)
    case "touch":
      return utimes(path, new Date(), new Date())
    case "chmod":
      return chmod(path, 0o600)
    case "rewrite": {
      const { atime, mtime } = await stat(path)
      const bytes = await readFile(path)
      await writeFile(
        path,
        bytes.map((byte) => byte ^ 1),
      )
      return utimes(path, atime, mtime)
    }
    case "renameFolder":
      return rename(path, join(root, step.to))
    case "removeFolder":
      return rm(path, { recursive: true })
    case "burst":
      await mkdir(path, { recursive: true })
      await Promise.all(
        Array.from({ length: BURST }, (_, index) => writeFile(join(path, `burst ${index}`), `${index}`)),
      )
      await Promise.all(Array.from({ length: BURST / 3 }, (_, index) => rm(join(path, `burst ${index}`))))
  }
}

/** By key, the id of every file. */
export async function filesOf(root: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const key = path.slice(root.length + 1)
    if (!entry.isFile() || key.startsWith(".stored-tmp")) continue
    files[key] = `sha256:${createHash("sha256")
      .update(await readFile(path))
      .digest("hex")}`
  }
  return files
}

/** By key, what the catalog says is proven to lie at `photos`. */
export function provenOf({ services }: OpenedStore): Record<string, string> {
  const proven: Record<string, string> = {}
  for (const { key, state, want, have } of services.catalog.locations("photos"))
    if (state === "synced" && want !== null && want === have) proven[key] = want
  return proven
}
