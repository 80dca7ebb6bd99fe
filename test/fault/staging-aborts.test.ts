/** Row 46: two thousand uploads and downloads are given up at every stage. No descriptor, no temporary file, no hold and no room stays taken. */
import { readdir } from "node:fs/promises"
import { setImmediate as turn } from "node:timers/promises"
import { expect, it } from "vitest"
import { bytesOf, inMemory, live } from "../contract/staging-sources.ts"
import { DURABLE, openStaging } from "./staging-open.ts"

const ROUNDS = 1000

async function descriptors(): Promise<number> {
  return (await readdir("/proc/self/fd")).length
}

it("uploads that are given up leave nothing", async () => {
  const { staging, put, temporary } = await openStaging({ maxSize: 2_000_000 })
  const piece = bytesOf(100_000)
  await put(inMemory(piece))
  const before = await descriptors()
  const upload = async (index: number): Promise<void> => {
    const ending = new AbortController()
    const { source, stream } = live(index % 3 ? undefined : 700_000)
    const receiving = staging.receive(source, { ...DURABLE, signal: ending.signal })
    const failed = expect(receiving).rejects.toMatchObject({ code: index % 2 ? "ABORTED" : "SOURCE_FAILED" })
    for (let pieces = index % 7; pieces > 0; pieces -= 1) stream.push(piece)
    for (let turns = index % 11; turns > 0; turns -= 1) await turn()
    if (index % 2) ending.abort()
    else stream.destroy(new Error("gone"))
    await failed
    expect(stream.destroyed).toBe(true)
  }
  for (let index = 0; index < ROUNDS; index += 2) await Promise.all([upload(index), upload(index + 1)])
  expect(await temporary()).toEqual([])
  expect(await descriptors()).toBe(before)
  expect(await Array.fromAsync(staging.list())).toHaveLength(1)
  // All of the room is free again.
  expect((await put(inMemory(bytesOf(1_900_000)))).size).toBe(1_900_000)
})

it("downloads that are given up leave nothing", async () => {
  const { staging, put } = await openStaging()
  const { id, size } = await put(inMemory(bytesOf(3_000_000)))
  const before = await descriptors()
  for (let index = 0; index < ROUNDS; index += 1) {
    const ending = new AbortController()
    const stream = await staging.read(id, size, { signal: ending.signal })
    const closed = new Promise((resolve) => stream.once("close", resolve))
    stream.on("error", (error) => expect(error).toMatchObject({ code: "ABORTED" }))
    if (index % 3) stream.on("data", () => {})
    for (let turns = index % 5; turns > 0; turns -= 1) await turn()
    if (index % 2) ending.abort()
    else stream.destroy()
    await closed
  }
  expect(await descriptors()).toBe(before)
  expect(await staging.discard(id)).toBe(true)
})
