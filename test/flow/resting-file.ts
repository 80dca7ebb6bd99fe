/** Files that nobody writes to: their time has long passed, so that a scan reads them at once. */
import { mkdir, utimes, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"

export const LONG_AGO = new Date("2020-01-01T00:00:00Z")

export async function writeResting(folder: string, key: string, content: string, time = LONG_AGO): Promise<void> {
  const path = join(folder, key)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  await utimes(path, time, time)
}
