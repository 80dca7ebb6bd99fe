/**
 * Two receives of the same small bytes, in different batches of the intake log, and the disk fails under the second: what the first has been
 * told is safe stays.
 */
import { expect, it, onTestFinished, vi } from "vitest"
import { LogSegment } from "../../src/staging/log-segment.ts"
import { bytesOf, idOf, inMemory } from "../contract/staging-sources.ts"
import { DURABLE, openStaging } from "./staging-open.ts"

it("a receive that fails does not take away what another one of the same bytes has kept", async () => {
  const { staging, ledger } = await openStaging()
  const bytes = bytesOf(500)
  const { promise: firstIsKept, resolve: keptFirst } = Promise.withResolvers<void>()
  let second: Promise<unknown> | null = null
  const create = LogSegment.create
  const append = LogSegment.prototype.append
  const creating = vi.spyOn(LogSegment, "create").mockImplementationOnce(async (...args) => {
    // The first is in its batch and not yet placed: the second finds nothing there, and gets into the next batch.
    second = staging.receive(inMemory(bytes), DURABLE)
    second.catch(() => {})
    return create.apply(LogSegment, args)
  })
  const appending = vi.spyOn(LogSegment.prototype, "append").mockImplementation(async function (
    this: LogSegment,
    ...batch
  ) {
    if (appending.mock.calls.length === 1) return append.apply(this, batch)
    await firstIsKept
    throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" })
  })
  onTestFinished(() => {
    creating.mockRestore()
    appending.mockRestore()
  })
  const first = ledger.commit(await staging.receive(inMemory(bytes), DURABLE))
  first.hold.release()
  keptFirst()
  await expect(second).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) })
  expect(appending).toHaveBeenCalledTimes(2)
  expect(await staging.check(idOf(bytes), 500)).toBe("good")
})

it("where both fail, nothing stays", async () => {
  const { staging, temporary } = await openStaging()
  const bytes = bytesOf(500)
  const appending = vi
    .spyOn(LogSegment.prototype, "append")
    .mockRejectedValue(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }))
  onTestFinished(() => appending.mockRestore())
  const both = await Promise.allSettled([1, 2].map(() => staging.receive(inMemory(bytes), DURABLE)))
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"])
  expect(await staging.check(idOf(bytes), 500)).toBe("missing")
  expect(await temporary()).toEqual([])
})
