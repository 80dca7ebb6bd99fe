/** The limit of staging: what goes to make room, what never does, what is refused. */
import { expect, it } from "vitest"
import type { BlobId } from "../../../src/core/blob-id.ts"
import { bytesOf, inMemory, streaming } from "../staging-sources.ts"
import { listed, MIDDLE, OPTIONS, type OpenStaging } from "./harness.ts"

export function roomCases(open: OpenStaging): void {
  it("drops what was used least recently", async () => {
    const { put, listed } = await open({ maxSize: 3500 })
    const first = await put(inMemory(bytesOf(1000)))
    const second = await put(inMemory(bytesOf(1000)))
    const third = await put(inMemory(bytesOf(1000)))
    const fourth = await put(streaming(bytesOf(1000)))
    expect(await listed()).toEqual([second.id, third.id, fourth.id].toSorted())
    expect(await listed()).not.toContain(first.id)
  })

  it("refuses when it is full of bytes that no backend has, and says how many", async () => {
    const { staging, put } = await open({ maxSize: 3500 })
    const all = [await put(inMemory(bytesOf(2000)), true), await put(inMemory(bytesOf(1000)), true)]
    for (const source of [inMemory(bytesOf(501)), streaming(bytesOf(501))]) {
      const error: unknown = await staging.receive(source, OPTIONS).catch((failure: unknown) => failure)
      expect(error).toMatchObject({
        code: "QUOTA_EXCEEDED",
        retryable: true,
        details: { limit: 3500, used: 3000, pinned: 3000, needed: 501 },
      })
      expect((error as Error).message).toBe(
        "Staging is full: 2.9 KiB of its 3.4 KiB are used and 501 bytes more are asked for; 2.9 KiB of that wait for backends that have no copy yet; see to the backends, or raise cache.maxSize.",
      )
    }
    await put(inMemory(bytesOf(500)))
    for (const { id, size } of all) expect(await staging.check(id, size)).toBe("good")
  })

  it("takes content that is there already even when it is full", async () => {
    const { put } = await open({ maxSize: 1000 })
    const bytes = bytesOf(1000)
    await put(inMemory(bytes), true)
    expect((await put(inMemory(bytes), true)).reused).toBe(true)
  })

  it("drops nothing by itself where that is not allowed", async () => {
    const { staging, put } = await open({ maxSize: 1000, evict: false })
    const { id } = await put(inMemory(bytesOf(900)))
    await expect(staging.receive(inMemory(bytesOf(200)), OPTIONS)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" })
    expect(await staging.check(id, 900)).toBe("good")
    expect(await staging.evict("oldest")).toEqual({ evicted: 1, bytes: 900 })
  })

  it("counts what is under way", async () => {
    const { staging, ledger } = await open({ maxSize: 1000 })
    const first = await staging.receive(inMemory(bytesOf(600)), OPTIONS)
    await expect(staging.receive(inMemory(bytesOf(600)), OPTIONS)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" })
    ledger.commit(first)
    ledger.commit(await staging.receive(inMemory(bytesOf(600)), OPTIONS))
    expect(ledger.usage().bytes).toBe(600)
  })

  it("gives the room of a failed receive back", async () => {
    const { staging, put } = await open({ maxSize: 300_000 })
    for (let round = 0; round < 5; round += 1) {
      const wrong = { ...OPTIONS, expect: { md5: "0".repeat(32) } }
      await expect(staging.receive(streaming(bytesOf(MIDDLE)), wrong)).rejects.toMatchObject({
        code: "CHECKSUM_MISMATCH",
      })
    }
    expect((await put(streaming(bytesOf(MIDDLE)))).size).toBe(MIDDLE)
  })

  it("never goes over its limit, however many come at once", async () => {
    const { staging, put, ledger } = await open({ maxSize: 10_000 })
    const puts = Array.from({ length: 100 }, () => put(inMemory(bytesOf(900))))
    const ends = await Promise.allSettled(puts)
    for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "QUOTA_EXCEEDED" })
    expect(ends.filter((end) => end.status === "fulfilled").length).toBeGreaterThan(5)
    expect(ledger.usage().bytes).toBeLessThanOrEqual(10_000)
    expect(await listed(staging)).toEqual([...ledger.rows.keys()].toSorted())
  })

  it("evicts by pattern, oldest, oversized, bytes, all; never what is pinned or held", async () => {
    const { staging, put, ledger, listed } = await open()
    const pinned = await put(inMemory(bytesOf(100)), true)
    const free: BlobId[] = []
    for (let index = 0; index < 10; index += 1) free.push((await put(inMemory(bytesOf(100 + index)))).id)
    expect(await staging.evict("oversized")).toEqual({ evicted: 0, bytes: 0 })
    expect(await staging.evict("oldest")).toEqual({ evicted: 1, bytes: 100 })
    expect(await staging.evict({ pattern: `${free[3]!.slice(0, 20)}*` })).toEqual({ evicted: 1, bytes: 103 })
    expect(await staging.evict({ pattern: "blake3:*" })).toEqual({ evicted: 0, bytes: 0 })
    expect(await staging.evict({ bytes: 150 })).toEqual({ evicted: 2, bytes: 203 })
    const hold = staging.hold(free[9]!)
    expect(await staging.evict({ pattern: "*" })).toMatchObject({ evicted: 5 })
    expect(await listed()).toEqual([pinned.id, free[9]!].toSorted())
    hold.release()
    expect(await staging.evict("all")).toEqual({ evicted: 1, bytes: 109 })
    expect(await listed()).toEqual([pinned.id])
    expect(ledger.usage().bytes).toBe(100)
  })

  it("drops no more than is needed for all that come at once", async () => {
    const { put, ledger } = await open({ maxSize: 3000 })
    for (let index = 0; index < 3; index += 1) await put(inMemory(bytesOf(1000)))
    await Promise.all([put(inMemory(bytesOf(500))), put(inMemory(bytesOf(500)))])
    expect(ledger.usage()).toMatchObject({ bytes: 3000, entries: 4 })
  })

  it("evicts over many pages", async () => {
    const { staging, put, listed } = await open()
    for (let index = 0; index < 250; index += 1) await put(inMemory(bytesOf(index + 1)), index % 10 === 0)
    expect(await staging.evict("all")).toMatchObject({ evicted: 225 })
    expect(await listed()).toHaveLength(25)
  })

  it("refuses a pattern that is too long", async () => {
    const { staging } = await open()
    await expect(staging.evict({ pattern: "*".repeat(2000) })).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })
}
