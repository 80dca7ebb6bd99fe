/** Opening, closing, and recovering again. */
import { expect, it } from "vitest"
import { bytesOf, inMemory, live } from "../staging-sources.ts"
import { OPTIONS, type OpenStaging, SMALL } from "./harness.ts"

export function closingCases(open: OpenStaging): void {
  it("refuses what comes after the close, and closes twice", async () => {
    const { staging } = await open()
    await staging.close()
    await staging.close()
    const { source, stream } = live()
    await expect(staging.receive(source, OPTIONS)).rejects.toMatchObject({ code: "CLOSED" })
    stream.destroy()
  })

  it("recovers as often as asked", async () => {
    const { staging, put } = await open()
    const bytes = bytesOf(SMALL)
    const { id } = await put(inMemory(bytes))
    expect(await staging.recover(() => true)).toEqual({ restored: 0, swept: 0 })
    expect(await staging.recover(() => false)).toEqual({ restored: 0, swept: 0 })
    expect((await staging.readBuffer(id, SMALL)).equals(bytes)).toBe(true)
  })
}
