/**
 * A live folder under random operations, with the watch hearing, deaf, or the store killed and opened again in between. After an audit the catalog is the
 * folder, every time (issue of scans). Seeds are printed by fast-check when a run fails.
 */
import { createHash } from "node:crypto"
import { appendFile, chmod, link, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import fc from "fast-check"
import { expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { openStore } from "../../src/compose.ts"
import { FAST_RETRIES, temporaryDirectory } from "./open-store.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

const RUNS = Number(process.env.STORED_SCAN_RUNS ?? 12)
const NAMES = ["a", "b", "c", "d/a", "d/b", "d/e/a"] as const
const name = fc.constantFrom(...NAMES)
const content = fc.constantFrom("", "x", "yy", "some content", "z".repeat(70_000))

type Change =
  | { type: "write" | "append"; name: string; content: string }
  | { type: "rename" | "swap" | "link"; name: string; to: string }
  | { type: "remove" | "touch" | "chmod"; name: string }
type Event = { type: "scan" | "look" | "kill" | "deafen" | "hear" }
type Operation = Change | Event

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constantFrom("write", "append"), name, content }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("rename", "swap", "link"), name, to: name }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("remove", "touch", "chmod"), name }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("scan", "look", "kill", "deafen", "hear") }) },
) as fc.Arbitrary<Operation>

const EVENTS = new Set<Operation["type"]>(["scan", "look", "kill", "deafen", "hear"])

function isChange(operation: Operation): operation is Change {
  return !EVENTS.has(operation.type)
}

it("the catalog is the folder after an audit", { timeout: 30_000 + RUNS * 10_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 3, maxLength: 25 }), (operations) => run(operations)),
    { numRuns: RUNS, endOnFailure: true },
  )
})

async function run(operations: readonly Operation[]): Promise<void> {
  const data = await temporaryDirectory()
  const folder = await temporaryDirectory()
  let watch = true
  const open = (): Promise<OpenedStore> =>
    openStore(
      {
        data,
        backends: {
          photos: { driver: "fs", root: folder, watch, scan: { prefix: "", every: "off" } },
          m: { driver: "memory" },
        },
        defaultBackends: ["m"],
      },
      FAST_RETRIES,
    )
  let opened = await open()
  try {
    for (const each of operations) {
      if (isChange(each)) await change(folder, each)
      else if (each.type === "scan") await opened.store.scan("photos")
      else if (each.type === "look") await lookedAt(opened, "photos")
      else {
        if (each.type !== "kill") watch = each.type === "hear"
        await opened.store.close({ deadline: each.type === "kill" ? 0 : 5_000 })
        opened = await open()
      }
    }
    await age(folder)
    // Twice: what the first one leaves to be looked at may still be on its way.
    await scanned(opened, "photos", { force: true })
    await scanned(opened, "photos", { force: true })
    expect(await catalogOf(opened)).toEqual(await filesOf(folder))
    for await (const fault of opened.services.catalog.verify()) expect(fault).toBeNull()
    const drift = []
    for await (const { kind, key } of opened.store.drift("photos")) if (kind !== "missing") drift.push({ kind, key })
    expect(drift).toEqual([])
  } finally {
    await opened.store.close()
  }
}

/** What cannot be done, because a file is not there or a directory is in the way, is not done. */
async function change(folder: string, step: Change): Promise<void> {
  const path = join(folder, step.name)
  await mkdir(dirname(path), { recursive: true })
  const act = async (): Promise<void> => {
    switch (step.type) {
      case "write":
        return writeFile(path, step.content)
      case "append":
        return appendFile(path, step.content)
      case "rename":
        return rename(path, join(folder, step.to))
      case "link":
        return link(path, join(folder, step.to))
      case "swap": {
        const spare = join(folder, "spare")
        await rename(path, spare)
        await rename(join(folder, step.to), path).catch(() => {})
        return rename(spare, join(folder, step.to))
      }
      case "remove":
        return rm(path)
      case "touch":
        return utimes(path, new Date(), new Date())
      case "chmod":
        return chmod(path, 0o600)
    }
  }
  await act().catch((error: NodeJS.ErrnoException) => {
    if (!["ENOENT", "EEXIST", "EISDIR", "ENOTDIR"].includes(error.code ?? "")) throw error
  })
}

/** Files that rest: nothing waits for them to be written on. */
async function age(folder: string): Promise<void> {
  const past = new Date(Date.now() - 3_600_000)
  for (const key of Object.keys(await filesOf(folder))) await utimes(join(folder, key), past, past)
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const key = path.slice(folder.length + 1)
    if (!entry.isFile() || key.startsWith(".stored-tmp")) continue
    files[key] = `sha256:${createHash("sha256")
      .update(await readFile(path))
      .digest("hex")}`
  }
  return files
}

/** Every object that is there, and where it says it is. */
async function catalogOf({ store, services }: OpenedStore): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for await (const { key, checksum } of store.list()) {
    const object = services.catalog.object(key)!
    if (object.state === "MISSING") continue
    expect(object).toMatchObject({ state: "ACTIVE", copies: [{ backend: "photos", key }] })
    expect(services.catalog.location("photos", key)).toMatchObject({ state: "synced", want: checksum, have: checksum })
    files[key] = checksum
  }
  return files
}
