/**
 * What a scan of many files has come to, each looked at once: the tree, the locations and the objects side by side, all three in the order of their keys, so that memory does not grow with
 * them; then the doctor, who compares the catalog with itself and reads every copy. Files say in their names what they hold, so that each id is known without reading.
 */
import { hash } from "node:crypto"
import { opendir } from "node:fs/promises"
import { join } from "node:path"
import type { LocationRecord, ObjectRecord } from "../../src/catalog/record.ts"
import { openStore, runDoctor } from "../../src/compose.ts"

export interface ScanEnd {
  /** rows of the catalog that were compared with the tree */
  rows: number
  /** copies that the doctor has read */
  copies: number
  seconds: number
  /** what is wrong, the first of it */
  failures: string[]
}

const PREFIX = "photos/"
const MOST_FAILURES = 20

export function contentOf(index: number): string {
  return `content ${index}`
}

export async function checkScanEnd(options: {
  data: string
  folder: string
  files: number
  say(line: string): void
}): Promise<ScanEnd> {
  const { data, folder, files, say } = options
  const begun = performance.now()
  const seconds = (): number => Math.round((performance.now() - begun) / 1000)
  const failures: string[] = []
  const rows = await compare(data, folder, files, failures)
  say(`${rows} rows were compared with the tree in ${seconds()} s`)
  const report = await runDoctor({
    data,
    backends: { photos: { driver: "fs", root: folder }, m: { driver: "memory" } },
  })
  const { locations } = report.checked
  if (locations !== files) failures.push(`the doctor has looked at ${locations} copies of ${files}`)
  for (const { severity, message, subject } of report.findings)
    if (severity !== "note") failures.push(`${subject}: ${message}`)
  return { rows, copies: locations, seconds: seconds(), failures: failures.slice(0, MOST_FAILURES) }
}

/** How many rows were compared. */
async function compare(data: string, folder: string, files: number, failures: string[]): Promise<number> {
  const { store, services } = await openStore({ data }, { work: false })
  let rows = 0
  let found = 0
  try {
    const { catalog } = services
    const locations = catalog.locations("photos")[Symbol.iterator]()
    const objects = catalog.objects()[Symbol.iterator]()
    for await (const key of keysOf(folder)) {
      const location = locations.next()
      const object = objects.next()
      found += 1
      rows += 2
      const fault = faultOf(key, location.done ? null : location.value, object.done ? null : object.value)
      if (fault === null) continue
      failures.push(fault)
      // One that is missing would make a fault of every one behind it.
      if (failures.length >= MOST_FAILURES) return rows
    }
    if (found !== files) failures.push(`${found} of ${files} files are there`)
    for (const [name, more] of Object.entries({ location: locations.next(), object: objects.next() }))
      if (!more.done) failures.push(`there is no file for the ${name} "${more.value.key}"`)
    const { looks, state } = catalog.scan("photos")
    if (looks > 0 || state !== "done") failures.push(`the scan is ${state}, and ${looks} places are to be looked at`)
  } finally {
    await store.close()
  }
  return rows
}

function faultOf(key: string, location: LocationRecord | null, object: ObjectRecord | null): string | null {
  const content = contentOf(Number(key.slice(key.lastIndexOf("-") + 1)))
  const id = `sha256:${hash("sha256", content, "hex")}`
  if (location?.key !== key) return `"${key}" is in the tree, and "${location?.key}" in the locations`
  const { want, have, state, objectKey, seen } = location
  if (state !== "synced" || want !== id || have !== id) return `"${key}" is ${state}, with ${have} where ${id} lies`
  if (seen?.size !== content.length) return `"${key}" was seen with ${seen?.size} bytes`
  if (objectKey !== PREFIX + key || object?.key !== objectKey)
    return `"${key}" serves "${objectKey}"; "${object?.key}" is in the objects`
  if (object.id !== id || object.size !== content.length || object.state !== "ACTIVE")
    return `"${object.key}" is ${object.id} and ${object.state}`
  return null
}

/** Of all files, in the order of their bytes; a folder counts as if its name ended with a slash. */
async function* keysOf(folder: string, prefix = ""): AsyncGenerator<string> {
  const names: string[] = []
  for await (const entry of await opendir(join(folder, prefix)))
    if (entry.name !== ".stored-tmp") names.push(entry.isDirectory() ? `${entry.name}/` : entry.name)
  for (const name of names.sort()) {
    if (name.endsWith("/")) yield* keysOf(folder, prefix + name)
    else yield prefix + name
  }
}
