/** What is refused, breaks or is aborted on its way in leaves nothing. */
import { expect, it } from "vitest"
import type { BlobSource } from "../../../src/core/blob-source.ts"
import type { ReceiveOptions } from "../../../src/staging/staging.ts"
import { bytesOf, inMemory, live, streaming } from "../staging-sources.ts"
import { fileOf, LARGE, MIDDLE, OPTIONS, type OpenStaging, SMALL, type StagingSettings } from "./harness.ts"

export function failedReceiveCases(open: OpenStaging): void {
  async function fails(
    source: BlobSource,
    options: Partial<ReceiveOptions>,
    code: string,
    settings: Partial<StagingSettings> = {},
  ): Promise<Error> {
    const { staging, listed } = await open(settings)
    const error: unknown = await staging
      .receive(source, { ...OPTIONS, ...options })
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code })
    expect(await listed()).toEqual([])
    return error as Error
  }

  it.each([SMALL, MIDDLE, LARGE])("a wrong declared checksum of %d bytes", async (size) => {
    const bytes = bytesOf(size)
    for (const source of [inMemory(bytes), streaming(bytes), await fileOf(bytes)]) {
      await fails(source, { expect: { md5: "0".repeat(32) } }, "CHECKSUM_MISMATCH")
      await fails(source, { expect: { sha256: "0".repeat(64) } }, "CHECKSUM_MISMATCH")
    }
  })

  it.each([
    [SMALL, SMALL + 1],
    [SMALL, SMALL - 1],
    [MIDDLE, MIDDLE + 1],
    [MIDDLE, MIDDLE - 1],
    [0, 1],
    [1, 0],
    [LARGE, SMALL],
    [SMALL, LARGE],
  ])("%d bytes where %d were declared", async (size, declared) => {
    const { source, stream } = live(declared)
    if (size > 0) stream.push(bytesOf(size))
    stream.push(null)
    await fails(source, {}, "SIZE_MISMATCH")
    expect(stream.destroyed).toBe(true)
  })

  it.each([SMALL, MIDDLE])("more than the allowed %d bytes", async (limit) => {
    const bytes = bytesOf(limit + 1)
    for (const source of [inMemory(bytes), streaming(bytes), streaming(bytes, { sized: true }), await fileOf(bytes)]) {
      await fails(source, { maxBytes: limit }, "TOO_LARGE")
    }
    const { staging } = await open()
    const exact = await staging.receive(streaming(bytes.subarray(1)), { ...OPTIONS, maxBytes: limit })
    expect(exact.size).toBe(limit)
    exact.hold.release()
  })

  it.each([0, SMALL, MIDDLE, LARGE])("a source that breaks after %d bytes", async (size) => {
    const cause = new Error("the cable was pulled")
    const { source, stream } = live(undefined, () => stream.destroy(cause))
    if (size > 0) stream.push(bytesOf(size))
    const error = await fails(source, {}, "SOURCE_FAILED")
    expect(error.cause).toBe(cause)
    expect(error.message).toContain("the cable was pulled")
  })

  it.each([0, SMALL, MIDDLE])("a source that closes without an end after %d bytes", async (size) => {
    const { source, stream } = live(undefined, () => stream.destroy())
    if (size > 0) stream.push(bytesOf(size))
    await fails(source, {}, "SOURCE_FAILED")
  })

  it.each([0, SMALL, MIDDLE])("an abort while the source says nothing more after %d bytes", async (size) => {
    const ending = new AbortController()
    const { source, stream } = live(undefined, () => ending.abort())
    if (size > 0) stream.push(bytesOf(size))
    await fails(source, { signal: ending.signal }, "ABORTED")
    expect(stream.destroyed).toBe(true)
  })

  it("an abort before it began ends the source", async () => {
    const { source, stream } = live()
    await fails(source, { signal: AbortSignal.abort() }, "ABORTED")
    expect(stream.destroyed).toBe(true)
  })

  it("a declared size that is too large ends the source before it is read", async () => {
    const { source, stream } = live(SMALL)
    await fails(source, { maxBytes: 10 }, "TOO_LARGE")
    expect(stream.destroyed).toBe(true)
  })

  it("content beyond the whole limit is refused for good", async () => {
    for (const source of [
      inMemory(bytesOf(SMALL)),
      streaming(bytesOf(MIDDLE)),
      streaming(bytesOf(MIDDLE), { sized: true }),
    ]) {
      const error = await fails(source, {}, "QUOTA_EXCEEDED", { maxSize: 999 })
      expect(error).toMatchObject({ retryable: false, details: { limit: 999 } })
    }
  })
}
