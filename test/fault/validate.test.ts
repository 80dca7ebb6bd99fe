/** Bits that rot on a disk are found, kept, and mended as the mode says, and the doctor has nothing to add; a validation that is killed on the way goes on where it was. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { runDoctor } from "../../src/compose.ts"
import type { ValidateStatus } from "../../src/store/store.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { writeResting } from "../flow/resting-file.ts"
import { scanned } from "../flow/scan-steps.ts"
import { quarantined, rot, validated } from "../flow/validate-steps.ts"
import { SeededRandom } from "./kill-random.ts"
import { testSeed } from "./store-harness.ts"

const FILES = 24

describe.each(["observe", "enforce"] as const)("bit rot of a folder, mode %s", (mode) => {
  it("is found wherever it is, and mended; then the doctor finds nothing", { timeout: 30_000 }, async () => {
    const seed = testSeed()
    const random = new SeededRandom(seed)
    const directory = await temporaryDirectory()
    const [disk, other] = [join(directory, "disk"), join(directory, "other")]
    const config = {
      data: join(directory, "data"),
      backends: {
        disk: { driver: "fs", root: disk, mode, scan: { prefix: "", every: "off" } },
        other: { driver: "fs", root: other },
      },
      defaultBackends: ["other"],
    }
    const opened = await openTestStore(config)
    const contents = new Map<string, string>()
    for (let index = 0; index < FILES; index += 1) {
      contents.set(`f${index}`, `content ${index}`)
      await writeResting(disk, `f${index}`, `content ${index}`)
    }
    await scanned(opened, "disk")
    // Another copy of each, under another key.
    for (const [key, content] of contents) await opened.store.put(Buffer.from(content), { key: `copies/${key}` })
    await opened.store.idle()
    await opened.store.cache.clear()
    const bad = [...contents.keys()].filter(() => random.next() < 0.3)
    for (const key of bad) await rot(opened, "disk", key, join(disk, key))
    const rotten = await Promise.all(bad.map((key) => readFile(join(disk, key), "latin1")))

    const status = await validated(opened, "disk")
    expect(status, `seed ${seed}`).toMatchObject({
      ...{ copies: FILES, corrupt: bad.length, kept: bad.length, good: FILES - bad.length, changed: 0, missing: 0 },
      healing: mode === "enforce" ? bad.length : 0,
    })
    expect(Object.values(await quarantined(opened)).sort(), `seed ${seed}`).toEqual(rotten.sort())
    const drift = await Array.fromAsync(opened.store.drift("disk"))
    const told = mode === "observe" ? bad.map((key) => ["corrupt", key]) : []
    expect(drift.map(({ kind, key }) => [kind, key]).sort()).toEqual(told.sort())
    await opened.store.heal("disk")
    await opened.store.idle()
    for (const [key, content] of contents) expect(await readFile(join(disk, key), "utf8")).toBe(content)
    expect(await validated(opened, "disk")).toMatchObject({ copies: FILES, good: FILES, corrupt: 0 })
    await opened.store.close()
    const report = await runDoctor(config)
    expect(report.findings.filter(({ severity }) => severity !== "note")).toEqual([])
    expect(report.findings.filter(({ invariant }) => invariant === "I8")).toHaveLength(bad.length)
    expect((await runDoctor(config, { repair: true })).clean).toBe(true)
    expect((await runDoctor(config)).findings).toEqual([])
  })
})

const CHILD = fileURLToPath(new URL("validate-child.ts", import.meta.url))
const COPIES = 450
/** Copies that may have been read and not committed when a process is killed: the groups that are read ahead. */
const IN_FLIGHT = 3 * 64

it("killed with -9 on the way, it goes on and reads nothing again that it had", { timeout: 60_000 }, async () => {
  const directory = await temporaryDirectory()
  const [data, folder, log] = [join(directory, "data"), join(directory, "folder"), join(directory, "read.log")]
  const backends = { disk: { driver: "fs", root: folder, durable: false }, m: { driver: "memory" } }
  const opened = await openTestStore({ data, backends, defaultBackends: ["disk"] })
  const put = (index: number) =>
    opened.store.put(Buffer.from(`content ${index}`), { key: `k${index}`, durability: "os" })
  await Promise.all(Array.from({ length: COPIES }, (_, index) => put(index)))
  await opened.store.idle()
  await opened.store.close()
  await writeFile(log, "")
  expect(await validateIn([data, folder, log], 320)).toBeNull()
  const status = await validateIn([data, folder, log], null)
  expect(status).toMatchObject({ state: "done", number: 1, copies: COPIES, good: COPIES, plan: { chosen: COPIES } })
  const read = (await readFile(log, "utf8")).trimEnd().split("\n")
  expect(new Set(read).size).toBe(COPIES)
  expect(read.length - COPIES).toBeLessThanOrEqual(IN_FLIGHT)
})

/** Kills the process once it has read so many copies: null then. Otherwise how the validation ended. */
async function validateIn(words: string[], most: number | null): Promise<ValidateStatus | null> {
  const child: ChildProcess = fork(CHILD, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  let read = 0
  let ended: ValidateStatus | null = null
  child.on("message", (told: { read?: number; status?: ValidateStatus }) => {
    read += told.read ?? 0
    ended = told.status ?? null
    if (most !== null && read >= most) child.kill("SIGKILL")
  })
  await once(child, "exit")
  return ended
}
