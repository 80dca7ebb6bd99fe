/** A full disk (fault rows 4, 23): puts are refused and change nothing, deletes and evictions still commit, and puts go on once there is room. */
import { readFile, rm, stat, statfs, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Catalog } from "../../src/catalog/catalog.ts"
import { put, refusal, settle } from "../contract/catalog.facts.ts"
import { expectWhole, openCatalog } from "./catalog-directory.ts"
import { mountTmpfs, remount } from "./store-tmpfs.ts"

const RESERVE = 512 * 1024

/** Puts until one is refused; returns the number that were taken. */
async function fill(catalog: Catalog): Promise<number> {
  for (let taken = 0; ; taken += 1) {
    const code = await refusal(put(catalog, { key: `k${taken}`, custom: { text: "x".repeat(10_000) } }))
    if (code === null) continue
    expect(code).toBe("DISK_FULL")
    return taken
  }
}

describe("full disk", () => {
  it("refuses puts, lets deletes and evictions commit, and recovers", async (context) => {
    const disk = await mountTmpfs(context, "size=4m")
    const directory = join(disk, "catalog")
    const catalog = await openCatalog(directory, { reserveBytes: RESERVE })
    const taken = await fill(catalog)
    expect(taken).toBeGreaterThan(50)
    await writeFile(join(disk, "ballast"), Buffer.alloc((await statfs(disk)).bavail * 4096)).catch(() => {})
    expect(catalog.counters()).toMatchObject({ objects: taken, journal: taken })
    expect(catalog.object(`k${taken}`)).toBeNull()

    // Many at once: whoever only adds is refused, whoever frees is not.
    const adding = Array.from({ length: 5 }, (_, index) => refusal(put(catalog, { key: `more${index}` })))
    const freeing = Array.from({ length: 20 }, (_, index) => catalog.commitDelete({ key: `k${index}`, time: 2 }))
    expect(await Promise.all(adding)).toEqual(Array.from({ length: 5 }, () => "DISK_FULL"))
    expect((await Promise.all(freeing)).every((commit) => commit.sequence !== null)).toBe(true)
    await settle(catalog, "k20", "done")
    expect(await catalog.commitEvict(catalog.object("k20")!.id)).toBe(true)
    expect(await refusal(put(catalog, { key: "still" }))).toBe("DISK_FULL")
    await expect(stat(join(directory, "reserve"))).rejects.toThrow("ENOENT")
    await expectWhole(catalog)

    await rm(join(disk, "ballast"), { force: true })
    await remount(disk, "size=8m")
    expect(await refusal(put(catalog, { key: "again" }))).toBeNull()
    expect((await stat(join(directory, "reserve"))).size).toBe(RESERVE)
    await catalog.close()
    const reopened = await openCatalog(directory, { reserveBytes: RESERVE })
    expect(reopened.object("again")?.version).toBe(1)
    expect(reopened.counters().objects).toBe(taken - 20 + 1)
    await expectWhole(reopened)
  })

  it("does not keep a catalog from being opened", async (context) => {
    const disk = await mountTmpfs(context, "size=4m")
    const directory = join(disk, "catalog")
    const first = await openCatalog(directory, { reserveBytes: RESERVE })
    const taken = await fill(first)
    await first.close()
    const rest = (await statfs(disk)).bavail * 4096
    await writeFile(join(disk, "ballast"), Buffer.alloc(rest))
    const catalog = await openCatalog(directory, { reserveBytes: RESERVE })
    expect(catalog.counters().objects).toBe(taken)
    expect((await catalog.commitDelete({ key: "k0", time: 2 })).sequence).toBe(taken + 1)
    expect((await readFile(join(disk, "ballast"))).length).toBe(rest)
    await expectWhole(catalog)
  })
})
