/** Files that are written to while they are indexed (row 34, I13): what is recorded is one state that was there, and what never rests costs little. */
import { createHash } from "node:crypto"
import { appendFileSync, closeSync, openSync, readFileSync, utimesSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import type { SightingsFact } from "../../src/catalog/sightings.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { LONG_AGO, writeResting } from "../flow/resting-file.ts"
import { lookedAt, scanned } from "../flow/scan-steps.ts"
import { SeededRandom } from "./kill-random.ts"

const SIZE = 8 * 2 ** 20
const WRITES = 150

async function openFolder(): Promise<OpenedStore & { folder: string; recorded: { key: string; id: string }[] }> {
  const folder = await temporaryDirectory()
  const opened = await openTestStore({
    backends: {
      photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off" } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
  const recorded: { key: string; id: string }[] = []
  const { catalog } = opened.services
  const commit = catalog.commitSightings.bind(catalog)
  catalog.commitSightings = (fact: SightingsFact) => {
    for (const { key, found } of fact.sightings) if (found?.id) recorded.push({ key, id: found.id })
    return commit(fact)
  }
  return { ...opened, folder, recorded }
}

function idOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`
}

/** A file that is written in place and appended to, so often that each of its states is made anew only afterwards. */
class LiveFile {
  readonly path: string
  readonly #random: SeededRandom
  readonly #first: Buffer
  readonly #pieces: { at: number; piece: Buffer }[] = []
  #size = SIZE

  constructor(path: string, random: SeededRandom) {
    this.path = path
    this.#random = random
    this.#first = Buffer.alloc(SIZE, random.below(256))
    writeFileSync(path, this.#first)
    utimesSync(path, LONG_AGO, LONG_AGO)
  }

  /** By one call each, and with times as if that was long ago, so that only the file's state tells. */
  write(): void {
    const piece = Buffer.alloc(1 + this.#random.below(4_000), this.#random.below(256))
    const at = this.#random.chance(0.2) ? this.#size : this.#random.below(this.#size - piece.length)
    const fd = openSync(this.path, "r+")
    writeSync(fd, piece, 0, piece.length, at)
    closeSync(fd)
    utimesSync(this.path, LONG_AGO, LONG_AGO)
    this.#pieces.push({ at, piece })
    this.#size = Math.max(this.#size, at + piece.length)
  }

  /** The ids of all states that it ever had. */
  states(): Set<string> {
    const bytes = Buffer.alloc(this.#size)
    let size = this.#first.copy(bytes)
    const states = new Set([idOf(bytes.subarray(0, size))])
    for (const { at, piece } of this.#pieces) {
      piece.copy(bytes, at)
      size = Math.max(size, at + piece.length)
      states.add(idOf(bytes.subarray(0, size)))
    }
    return states
  }
}

it("a hash that is recorded is that of one state, however often the file is written to while it is read", async () => {
  const opened = await openFolder()
  const random = new SeededRandom(34)
  const files = ["a", "b", "c"].map((key) => ({ key, file: new LiveFile(join(opened.folder, key), random) }))
  let writes = 0
  const run = opened.scanPool.run.bind(opened.scanPool)
  opened.scanPool.run = (async (name: string, task: { paths?: string[] }, options: object) => {
    const read = files.filter(({ file }) => task.paths?.includes(file.path))
    let isRead = false
    const answer = run(name, task, options).finally(() => {
      isRead = true
    })
    // Some are left in peace, others are written to from some moment of their reading on.
    await sleep(random.below(8))
    for (let left = random.chance(0.4) ? 0 : 20; left > 0 && !isRead && writes < WRITES; left -= 1) {
      await new Promise((resume) => setImmediate(resume))
      random.pick(read).file.write()
      writes += 1
    }
    return answer
  }) as typeof run
  while (writes < WRITES) {
    for (const { file } of files) file.write()
    await scanned(opened, "photos")
  }
  await scanned(opened, "photos")
  expect(opened.recorded.length).toBeGreaterThanOrEqual(files.length)
  for (const { key, file } of files) {
    const states = file.states()
    for (const each of opened.recorded) if (each.key === key) expect(states).toContain(each.id)
    expect(await opened.store.stat(key)).toMatchObject({ id: idOf(readFileSync(file.path)), state: "ACTIVE" })
  }
})

it("a file that is always written to is looked at ever more rarely, whoever tells of it, and that is shown", async () => {
  const opened = await openFolder()
  const { store, folder, services } = opened
  await writeResting(folder, "rests", "rests")
  writeFileSync(join(folder, "log"), "begun")
  const { backend } = services.backends.get("photos")
  const stat = backend.stat.bind(backend)
  let looks = 0
  let isWritten = true
  backend.stat = async (key, options) => {
    if (key === "log" && isWritten) {
      looks += 1
      appendFileSync(join(folder, "log"), "a line\n")
    }
    return stat(key, options)
  }
  await store.scan("photos")
  await expect.poll(() => looks, { timeout: 10_000 }).toBe(3)
  expect(store.scanStatus("photos")).toMatchObject({ state: "done", looks: 1, changing: 1, waits: null })
  expect(store.getBackend("photos").scan).toMatchObject({ looks: 1, changing: 1 })
  // The next look is 800 ms away.
  for (let round = 0; round < 40; round += 1) await store.look("photos", ["log", "rests"])
  await expect.poll(() => store.scanStatus("photos").looks).toBe(1)
  expect(looks).toBe(3)
  const drift = []
  for await (const { kind, key, changing } of store.drift("photos")) drift.push({ kind, key, changing })
  expect(drift).toEqual([{ kind: expect.stringMatching(/^(unread|changed)$/), key: "log", changing: true }])
  expect(opened.recorded.filter(({ key }) => key === "log")).toEqual([])
  isWritten = false
  await lookedAt(opened, "photos")
  await expect.poll(() => store.stat("log")).toMatchObject({ id: idOf(readFileSync(join(folder, "log"))) })
  expect(store.scanStatus("photos")).toMatchObject({ looks: 0, changing: 0 })
})
