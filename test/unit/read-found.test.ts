/** What was read is only believed of the state in which it was found (I13, row 34). */
import { utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { hashFiles } from "../../src/checksums/hash-files.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { FoundReader } from "../../src/store/scan/read-found.ts"
import type { ScannedBackend } from "../../src/store/scan/scan-parts.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"

const hashers = await createHashers()

it("a file that is another one by the time it is read is looked at again", async () => {
  const folder = await temporaryDirectory()
  const path = join(folder, "a")
  await writeFile(path, "before")
  const opened = await openTestStore({ backends: { photos: { driver: "fs", root: folder, scan: { every: "off" } } } })
  const backend = await opened.services.backends.opened("photos")
  const [entry] = await Array.fromAsync(backend.list())
  const change = { between: async (): Promise<void> => {} }
  const scanned = {
    services: opened.services,
    backend,
    signal: opened.services.lifecycle.signal,
    budget: { take: async () => {} },
    hashFiles: async (task: Parameters<typeof hashFiles>[0]) => {
      await change.between()
      return hashFiles(task, hashers)
    },
  } as unknown as ScannedBackend
  const reader = new FoundReader(scanned)
  expect(await reader.read([entry!])).toEqual([{ type: "read", checksums: { sha256: idOf("before").slice(7) } }])
  // Of the same size, and with its old time set again.
  change.between = async () => {
    await writeFile(path, "behind")
    await utimes(path, entry!.modified / 1000, entry!.modified / 1000)
  }
  expect(await reader.read([entry!])).toEqual([{ type: "moving" }])
})
