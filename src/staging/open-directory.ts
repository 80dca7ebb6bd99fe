/** Makes or opens a staging directory: its parts are there, writable and durable, and of a format that this version knows. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { StoredError } from "../core/error.ts"
import { makeDirectory } from "../core/make-directory.ts"
import { syncDirectory } from "./directories.ts"
import type { Layout } from "./layout.ts"
import { close, fsync, open } from "./system-calls.ts"
import { systemCode } from "./system-error.ts"

export const FORMAT = 1

/** @throws StoredError DATA_DIRECTORY_UNUSABLE, DATA_DIRECTORY_NEWER, DISK_FULL */
export async function openDirectory(layout: Layout): Promise<void> {
  try {
    const made = await makeDirectory(layout.root)
    await requireFormat(layout.root, { make: true })
    for (const part of [layout.content, layout.temporary, layout.log, layout.quarantine])
      await mkdir(part, { recursive: true })
    await probe(layout.temporary)
    await syncDirectory(layout.root)
    // The names above the root, where they are new.
    for (let path = layout.root; made && path.length >= made.length; path = dirname(path))
      await syncDirectory(dirname(path))
  } catch (error) {
    throw unusable(error, layout.root)
  }
}

/** Only looks at it; one that is not there holds nothing. @throws StoredError DATA_DIRECTORY_UNUSABLE, DATA_DIRECTORY_NEWER */
export async function examineDirectory(layout: Layout): Promise<void> {
  try {
    await requireFormat(layout.root, { make: false })
  } catch (error) {
    throw unusable(error, layout.root)
  }
}

async function requireFormat(root: string, { make }: { make: boolean }): Promise<void> {
  const path = join(root, "format")
  let text: string
  try {
    text = await readFile(path, "utf8")
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error
    if (!make) return
    await writeFile(path, `stored-staging ${FORMAT}\n`)
    const fd = await open(path, "r")
    try {
      await fsync(fd)
    } finally {
      await close(fd)
    }
    return
  }
  const format = Number(/^stored-staging (\d+)\n$/.exec(text)?.[1])
  if (format === FORMAT) return
  if (format > FORMAT) {
    const message = `The staging directory "${root}" has format ${format}, this version knows ${FORMAT}; run a newer version of StoreD.`
    throw new StoredError("DATA_DIRECTORY_NEWER", message, { details: { format, known: FORMAT } })
  }
  throw new StoredError(
    "DATA_DIRECTORY_UNUSABLE",
    `"${path}" is not the format file of a staging directory; give staging a directory of its own.`,
  )
}

async function probe(directory: string): Promise<void> {
  const path = join(directory, "probe")
  await writeFile(path, "")
  await rm(path)
}

function unusable(error: unknown, root: string): StoredError {
  if (error instanceof StoredError) return error
  const code = systemCode(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StoredError("DISK_FULL", `The disk of the staging directory "${root}" is full; free space there.`, {
      cause: error,
    })
  }
  const advice =
    code === "EROFS" ? "mount its disk writable" : "see that it is a directory which this process may write"
  return new StoredError(
    "DATA_DIRECTORY_UNUSABLE",
    `The staging directory "${root}" cannot be used (${message}); ${advice}.`,
    {
      cause: error,
    },
  )
}
