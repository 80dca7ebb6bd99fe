/** The doctor without `--repair` tells the truth and changes nothing; with it, what was left behind goes. */
import { access, cp, mkdir, readdir, readFile, rm, stat, unlink, writeFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { expect, test } from "vitest"
import { runDoctor } from "../../src/compose.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

const CONTENT = Buffer.alloc(3_000, 7)
const BAD = `sha256-${"0".repeat(64)}-2026-01-01T000000.000Z-1`

async function makeStore() {
  const directory = await temporaryDirectory()
  const [data, a, b] = ["data", "a", "b"].map((name) => join(directory, name)) as [string, string, string]
  const config = { data, backends: { a: { driver: "fs", root: a }, b: { driver: "fs", root: b } } }
  const opened = await openTestStore(config)
  const { id } = await opened.store.put(CONTENT, { key: "k", durability: "all" })
  await opened.store.idle()
  // As a crash leaves it: the intake log still has what was put.
  await cp(join(data, "staging"), join(directory, "crashed"), { recursive: true })
  await opened.store.close()
  await rm(join(data, "staging"), { recursive: true })
  await cp(join(directory, "crashed"), join(data, "staging"), { recursive: true })
  await rm(join(directory, "crashed"), { recursive: true })
  const content = join(data, "staging", "content-v2", "sha256", id.slice(7, 9), id.slice(9, 11), id.slice(11))
  return { directory, config, data, a, b, id, content }
}

/** Every file and directory, with its bytes and times. The catalog's file knows who has it open; its rows are looked at elsewhere. */
async function snapshot(directory: string): Promise<Record<string, string>> {
  const seen: Record<string, string> = {}
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(directory, path)
    if (name.startsWith("data/catalog/")) continue
    const bytes = entry.isFile() ? (await readFile(path)).toString("base64") : "directory"
    seen[name] = `${(await stat(path)).mtimeMs} ${bytes}`
  }
  return seen
}

const faultsOf = (report: { findings: { severity: string }[] }) =>
  report.findings.filter((finding) => finding.severity !== "note")

test("a look changes no file, whatever it finds", async () => {
  const { directory, config, data, a, b, content } = await makeStore()
  await unlink(content)
  await writeFile(join(data, "staging", "tmp", "left over"), "left")
  await writeFile(join(data, "staging", "quarantine", BAD), "bad")
  await mkdir(join(a, ".stored-tmp"), { recursive: true })
  await writeFile(join(a, ".stored-tmp", "left over"), "left")
  await rm(b, { recursive: true })
  await rm(join(data, "catalog", "reserve"))
  const before = await snapshot(directory)
  const catalog = await readdir(join(data, "catalog"))
  const report = await runDoctor(config)
  expect(await snapshot(directory)).toEqual(before)
  expect(await readdir(join(data, "catalog"))).toEqual(catalog)
  expect(report).toMatchObject({ clean: false, repaired: 0, checked: { locations: 1 } })
  // What the intake log will give back is not lost; a root that is gone is told of.
  expect(faultsOf(report)).toMatchObject([{ invariant: "I4", severity: "unchecked", subject: "b" }])
  expect(report.findings.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(["tmp/left over", `quarantine/${BAD}`]),
  )
  expect(report.findings.every(({ repair }) => repair === null)).toBe(true)
})

test("content that neither file nor intake log has is missing", async () => {
  const { config, data, id, content } = await makeStore()
  await unlink(content)
  await rm(join(data, "staging", "log"), { recursive: true })
  expect(faultsOf(await runDoctor(config))).toMatchObject([{ invariant: "I1", severity: "fault", subject: id }])
})

test("a missing root is not made again by --repair; once a new one is accepted, its copies are", async () => {
  const { config, b } = await makeStore()
  await rm(b, { recursive: true })
  expect((await runDoctor(config)).clean).toBe(false)
  expect(await runDoctor(config, { repair: true })).toMatchObject({ clean: false, repaired: 0 })
  await expect(access(b)).rejects.toMatchObject({ code: "ENOENT" })
  await mkdir(b)
  expect(await runDoctor(config, { repair: true })).toMatchObject({ clean: false, repaired: 0 })
  const { store } = await openTestStore({ ...config, defaultBackends: [] }, { work: false })
  await store.testBackend("b", { accept: true })
  await store.close()
  expect(await runDoctor(config, { repair: true })).toMatchObject({ clean: true, repaired: 1 })
  expect(await readFile(join(b, "k"))).toEqual(CONTENT)
})

test("leftovers are told of and removed by --repair; bad content stays while nothing better is known", async () => {
  const { config, data, id } = await makeStore()
  const staging = join(data, "staging")
  const quarantined = (blob: string): string => join(staging, "quarantine", BAD.replace("0".repeat(64), blob))
  await writeFile(join(staging, "tmp", "left over"), "left")
  await writeFile(quarantined("0".repeat(64)), "bad content of a blob that nobody names")
  await writeFile(quarantined(id.slice(7)), "bad content of a blob that has copies")
  expect((await runDoctor(config)).findings).toHaveLength(3)
  const mended = await runDoctor(config, { repair: true })
  expect(mended).toMatchObject({ clean: true, repaired: 3, findings: [] })
  expect(await readdir(join(staging, "tmp"))).toEqual([])
  expect(await readdir(join(staging, "quarantine"))).toEqual([])

  // All copies of a blob are gone: its bad content is all that there is.
  const { config: lost, data: lostData, a, b, id: lostId, content } = await makeStore()
  for (const path of [join(a, "k"), join(b, "k"), content]) await unlink(path)
  await rm(join(lostData, "staging", "log"), { recursive: true })
  const kept = join(lostData, "staging", "quarantine", BAD.replace("0".repeat(64), lostId.slice(7)))
  await writeFile(kept, "nearly right")
  const report = await runDoctor(lost, { repair: true })
  expect(report.clean).toBe(false)
  expect((await readFile(kept)).toString()).toBe("nearly right")
})

test("a data directory that is not there is an error, and is not made", async () => {
  const directory = await temporaryDirectory()
  for (const repair of [false, true]) {
    await expect(runDoctor({ data: join(directory, "data") }, { repair })).rejects.toMatchObject({
      code: "DATA_DIRECTORY_UNUSABLE",
    })
  }
  expect(await readdir(directory)).toEqual([])
})
