/** Symbolic links that are followed inside the root, as a setting: each target is known under its link's key as well, circles end, and nothing outside is ever read. */
import { mkdir, rename, rm, symlink } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting as write } from "./resting-file.ts"
import { scanned } from "./scan-steps.ts"

async function openFollowing(): Promise<OpenedStore & { folder: string; outside: string }> {
  const folder = await temporaryDirectory()
  const outside = await temporaryDirectory()
  const opened = await openTestStore({
    backends: {
      photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off", symlinks: "follow" } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
  return { ...opened, folder, outside }
}

async function idsOf({ store }: Pick<OpenedStore, "store">): Promise<Record<string, string>> {
  const ids: Record<string, string> = {}
  for await (const { key, checksum } of store.list()) ids[key] = checksum
  return ids
}

it("what links lead to is known under their keys as well, in the order of the keys, and can be read there", async () => {
  const opened = await openFollowing()
  const { folder, store, services } = opened
  await write(folder, "a/file", "one")
  await write(folder, "a/deep/file", "two")
  await write(folder, "plain", "three")
  await symlink("../plain", join(folder, "a/link"))
  await symlink("a", join(folder, "b"))
  await symlink(join(folder, "a/deep"), join(folder, "a.absolute"))
  await symlink("b/link", join(folder, "c"))
  await scanned(opened, "photos")
  const [one, two, three] = [idOf("one"), idOf("two"), idOf("three")]
  const ids = {
    ...{ "a.absolute/file": two, "a/deep/file": two, "a/file": one, "a/link": three },
    ...{ "b/deep/file": two, "b/file": one, "b/link": three, c: three, plain: three },
  }
  expect(await idsOf(opened)).toEqual(ids)
  expect(store.scanStatus("photos")).toMatchObject({ files: 9, skipped: 0, looks: 0 })
  for (const key of ["b/link", "a.absolute/file", "c"]) {
    expect((await store.get(key)).toString()).toBe(ids[key as keyof typeof ids] === three ? "three" : "two")
    expect(await store.stat(key)).toMatchObject({ locations: [{ backend: "photos", key, synced: true }] })
  }
  const before = services.catalog.lastSequence()
  await scanned(opened, "photos")
  expect([...services.catalog.journal({ after: before })].filter(({ key }) => key !== null)).toEqual([])
  const { backend } = services.backends.get("photos")
  for (const [options, keys] of [
    [{ prefix: "b/" }, ["b/deep/file", "b/file", "b/link"]],
    [{ after: "b/deep/file" }, ["b/file", "b/link", "c", "plain"]],
    [{ prefix: "b/d", after: "b/deep" }, ["b/deep/file"]],
  ] as const) {
    const listed = []
    for await (const { key } of backend.list(options)) listed.push(key)
    expect(listed).toEqual(keys)
  }
})

it("a link that is taken away is gone, and what it led to has not moved", async () => {
  const opened = await openFollowing()
  const { folder, store } = opened
  await write(folder, "file", "content")
  await symlink("file", join(folder, "alias"))
  await scanned(opened, "photos")
  await rm(join(folder, "alias"))
  await scanned(opened, "photos")
  expect(await store.stat("alias")).toMatchObject({ state: "ACTIVE", locations: [{ state: "missing" }] })
  expect(await store.stat("file")).toMatchObject({ state: "ACTIVE", locations: [{ synced: true }] })
})

it("circles end, and what lies outside is passed over", async () => {
  const opened = await openFollowing()
  const { folder, outside, store } = opened
  await write(outside, "secret", "secret")
  await write(folder, "a/file", "one")
  await mkdir(join(folder, "b"))
  await symlink(".", join(folder, "itself"))
  await symlink("..", join(folder, "a/up"))
  await symlink("../b", join(folder, "a/b"))
  await symlink("../a", join(folder, "b/a"))
  await symlink("endless", join(folder, "endless"))
  await symlink("nowhere", join(folder, "broken"))
  await symlink(outside, join(folder, "escape"))
  await symlink(join(outside, "secret"), join(folder, "alias"))
  await symlink(".stored-tmp", join(folder, "own"))
  await scanned(opened, "photos")
  expect(await idsOf(opened)).toEqual({ "a/file": idOf("one"), "b/a/file": idOf("one") })
  expect(Object.keys(store.scanStatus("photos").reasons)).toEqual(["symlink"])
  const { backend } = opened.services.backends.get("photos")
  for (const key of ["alias", "escape/secret", "endless"])
    await expect(backend.get(key)).rejects.toMatchObject({ code: "BACKEND_REFUSED" })
})

it("a link that is turned to the outside between a look and a read gives nothing away", async () => {
  const opened = await openFollowing()
  const { folder, outside, services } = opened
  await write(folder, "a/file", "inside")
  await write(outside, "file", "secret")
  await symlink("a", join(folder, "link"))
  const read: string[] = []
  const run = opened.scanPool.run.bind(opened.scanPool)
  opened.scanPool.run = (async (name: string, task: { paths?: string[] }, options: object) => {
    // What the link led to is swapped for a link to the outside, after its path was made.
    if (read.push(...(task.paths ?? [])) && !read.includes("swapped")) {
      read.push("swapped")
      await rename(join(folder, "a"), join(folder, ".a"))
      await symlink(outside, join(folder, "a"))
    }
    return run(name, task, options)
  }) as typeof run
  await scanned(opened, "photos")
  const secret = idOf("secret")
  expect(read).toContain("swapped")
  expect(Object.values(await idsOf(opened))).not.toContain(secret)
  expect([...services.catalog.journal({ after: 0 })].some(({ id }) => id === secret)).toBe(false)
})
