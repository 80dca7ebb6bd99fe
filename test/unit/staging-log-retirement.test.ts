/** When a segment of the intake log may go. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import type { StoredError } from "../../src/core/error.ts"
import { LogRetirement } from "../../src/staging/log-retirement.ts"
import { bytesOf, idOf } from "../contract/staging-sources.ts"
import { directory } from "./staging-log-rows.ts"

describe("retirement", () => {
  async function segments(count: number) {
    const path = await directory()
    return Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const file = join(path, `${index}.log`)
        await writeFile(file, "")
        return { path: file, ids: [idOf(bytesOf(8)), idOf(bytesOf(8))], length: 1000 }
      }),
    )
  }

  it("keeps a segment whose content cannot be synced, tells of it, and does not try again", async () => {
    const [bad, good] = await segments(2)
    const troubled = Promise.withResolvers<StoredError>()
    const done = Promise.withResolvers<void>()
    let tries = 0
    const syncBytes = async (id: BlobId): Promise<boolean> => {
      if (!bad!.ids.includes(id)) return true
      tries += 1
      throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" })
    }
    const syncNames = async (): Promise<void> => void done.resolve()
    const retirement = new LogRetirement({ files: { syncBytes, syncNames }, onTrouble: troubled.resolve })
    retirement.add(bad!, { rested: true })
    retirement.add(good!, { rested: true })
    expect((await troubled.promise).message).toContain("EIO")
    await done.promise
    await retirement.retireAll()
    expect(await readFile(bad!.path, "utf8")).toBe("")
    await expect(readFile(good!.path)).rejects.toMatchObject({ code: "ENOENT" })
    expect(tries).toBeLessThanOrEqual(2)
  })

  it("stops half way without having let anything go", async () => {
    const all = await segments(3)
    const reached = Promise.withResolvers<void>()
    const going = Promise.withResolvers<void>()
    const syncBytes = async (): Promise<boolean> => {
      reached.resolve()
      await going.promise
      return true
    }
    const failures: StoredError[] = []
    const retirement = new LogRetirement({
      files: { syncBytes, syncNames: async () => {} },
      onTrouble: (error) => void failures.push(error),
    })
    for (const segment of all) retirement.add(segment, { rested: true })
    await reached.promise
    const closed = retirement.close()
    going.resolve()
    await closed
    expect(failures).toEqual([])
    for (const { path } of all) expect(await readFile(path, "utf8")).toBe("")
  })

  it("does not let segments rest once the log has grown large", async () => {
    const all = await segments(3)
    const going = Promise.withResolvers<void>()
    let names = 0
    const syncNames = async (): Promise<void> => {
      names += 1
      if (names === 2) going.resolve()
    }
    const retirement = new LogRetirement({
      files: { syncBytes: async () => true, syncNames },
      onTrouble: (error) => going.reject(error),
      rest: 1e9,
      maxBytes: 1500,
    })
    for (const segment of all) retirement.add(segment)
    await going.promise
    await retirement.close()
    await expect(readFile(all[0]!.path)).rejects.toMatchObject({ code: "ENOENT" })
    expect(await readFile(all[2]!.path, "utf8")).toBe("")
  })
})
