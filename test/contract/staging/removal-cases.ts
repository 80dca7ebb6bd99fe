/** Who holds content keeps it; what nobody holds goes when the ledger lets it go. */
import { expect, it } from "vitest"
import { bytesOf, inMemory } from "../staging-sources.ts"
import { LARGE, MIDDLE, OPTIONS, type OpenStaging, SMALL } from "./harness.ts"

export function removalCases(open: OpenStaging): void {
  it("keeps what was received until its hold is released", async () => {
    const { staging } = await open()
    for (const size of [SMALL, MIDDLE]) {
      const { id, hold } = await staging.receive(inMemory(bytesOf(size)), OPTIONS)
      expect(await staging.remove(id)).toBe(false)
      expect(await staging.check(id, size)).toBe("good")
      hold.release()
      hold.release()
      expect(await staging.remove(id)).toBe(true)
      expect(await staging.check(id, size)).toBe("missing")
    }
  })

  it("needs every hold released", async () => {
    const { staging, put } = await open()
    const { id } = await put(inMemory(bytesOf(SMALL)))
    const holds = [staging.hold(id), staging.hold(id)]
    holds[0]!.release()
    holds[0]!.release()
    expect(await staging.remove(id)).toBe(false)
    expect(await staging.discard(id)).toBe(false)
    holds[1]!.release()
    expect(await staging.discard(id)).toBe(true)
  })

  it("discards only what the ledger lets go, the row before the bytes", async () => {
    const { staging, put, ledger } = await open()
    const pinned = await put(inMemory(bytesOf(SMALL)), true)
    const free = await put(inMemory(bytesOf(SMALL)))
    expect(await staging.discard(pinned.id)).toBe(false)
    ledger.beforeEvict = async (id) => expect(await staging.check(id, SMALL)).toBe("good")
    expect(await staging.discard(free.id)).toBe(true)
    expect(ledger.rows.has(free.id)).toBe(false)
    expect(await staging.check(free.id, SMALL)).toBe("missing")
    expect(await staging.check(pinned.id, SMALL)).toBe("good")
  })

  it("a receive waits for the removal of the same content, and then it is there", async () => {
    const { staging, put, ledger } = await open()
    for (const size of [SMALL, MIDDLE]) {
      const bytes = bytesOf(size)
      const { id } = await put(inMemory(bytes))
      const evicting = Promise.withResolvers<void>()
      const reached = Promise.withResolvers<void>()
      ledger.beforeEvict = () => {
        reached.resolve()
        return evicting.promise
      }
      const discarded = staging.discard(id)
      await reached.promise
      const again = put(inMemory(bytes))
      evicting.resolve()
      expect(await discarded).toBe(true)
      expect((await again).reused).toBe(false)
      expect(await staging.check(id, size)).toBe("good")
    }
  })

  it("a hold that comes while the ledger decides keeps the bytes as long as it lasts", async () => {
    const { staging, put, ledger } = await open()
    const { id } = await put(inMemory(bytesOf(SMALL)))
    const held: { release(): void }[] = []
    ledger.beforeEvict = () => void held.push(staging.hold(id))
    expect(await staging.discard(id)).toBe(true)
    expect(await staging.check(id, SMALL)).toBe("good")
    held[0]!.release()
    // It goes by itself; if it does not, this waits until the test's time is up.
    while ((await staging.check(id, SMALL)) !== "missing");
  })

  it("puts bad content aside, and never good", async () => {
    const { staging, put, damage } = await open()
    for (const size of [SMALL, LARGE]) {
      const bytes = bytesOf(size)
      const { id } = await put(inMemory(bytes))
      await staging.quarantine(id)
      expect(await staging.check(id, size)).toBe("good")
      await damage(id, "flip")
      await staging.quarantine(id)
      expect(await staging.check(id, size)).toBe("missing")
      expect((await put(inMemory(bytes))).reused).toBe(false)
      expect(await staging.check(id, size)).toBe("good")
    }
  })
}
