/** Reading from staging on disk: descriptors, aborts, damage. */
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { contentFile, damageFile } from "../contract/staging-damage.ts"
import { bytesOf, collect, inMemory } from "../contract/staging-sources.ts"
import { OPTIONS, open } from "./staging-directory.ts"

describe("reading", () => {
  it("closes its file, read or not", async () => {
    const { staging } = await open()
    const bytes = bytesOf(3 * 2 ** 20)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    const before = (await readdir("/proc/self/fd")).length
    const closed: Promise<unknown>[] = []
    for (let index = 0; index < 20; index += 1) {
      const stream = await staging.read(id, bytes.length)
      closed.push(new Promise((resolve) => stream.once("close", resolve)))
      if (index % 3 === 0) await stream[Symbol.asyncIterator]().next()
      if (index % 3 === 1) await collect(stream)
      stream.destroy()
    }
    await Promise.all(closed)
    expect((await readdir("/proc/self/fd")).length).toBe(before)
  })

  it("ends with ABORTED in the middle", async () => {
    const { staging } = await open()
    const bytes = bytesOf(8 * 2 ** 20)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    const ending = new AbortController()
    const stream = await staging.read(id, bytes.length, { signal: ending.signal })
    const chunks = stream[Symbol.asyncIterator]()
    await chunks.next()
    ending.abort()
    const rest = async (): Promise<void> => {
      for (let next = await chunks.next(); !next.done; next = await chunks.next());
    }
    await expect(rest()).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("holds back the end of what is damaged in its last bytes", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(3 * 2 ** 20)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    const bad = Buffer.from(bytes)
    bad[bad.length - 1]! ^= 1
    await writeFile(contentFile(directory, id), bad)
    let count = 0
    const read = async (): Promise<void> => {
      for await (const chunk of await staging.read(id, bytes.length)) count += (chunk as Buffer).length
    }
    await expect(read()).rejects.toMatchObject({ code: "CORRUPT" })
    expect(count).toBeLessThan(bytes.length)
  })

  it("keeps bad content in the quarantine", async () => {
    const { directory, staging } = await open()
    const bytes = bytesOf(100)
    const { id, hold } = await staging.receive(inMemory(bytes), OPTIONS)
    hold.release()
    await damageFile(directory, id, "truncate")
    await staging.quarantine(id)
    const [name] = await readdir(join(directory, "quarantine"))
    expect(name).toContain(id.slice(7))
    expect((await readFile(join(directory, "quarantine", name!))).equals(bytes.subarray(0, 50))).toBe(true)
  })
})
