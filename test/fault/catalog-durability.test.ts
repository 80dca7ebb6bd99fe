/** A commit is answered only when it is on disk: with a disk that takes 200 ms to flush, no answer comes sooner. */
import { describe, expect, it } from "vitest"
import { emptyDirectory } from "./catalog-directory.ts"
import { inject, startCatalog } from "./catalog-process.ts"

interface Timed {
  refused: string | null
  elapsed: number
}

describe("durability of a commit", () => {
  it("waits for the flush", async (context) => {
    const child = startCatalog(await emptyDirectory())
    expect(await child.ask("open")).toEqual({ refused: null })
    const quick = await child.ask<Timed>("put", "warm")
    expect(quick.refused).toBeNull()
    await inject(context, child.pid, "fdatasync:delay_enter=200000")
    for (const [command, key] of [
      ["put", "a"],
      ["put", "b"],
      ["delete", "a"],
    ] as const) {
      const { refused, elapsed } = await child.ask<Timed>(command, key)
      expect(refused).toBeNull()
      expect(elapsed).toBeGreaterThan(195)
    }
    expect(await child.ask("verify")).toEqual({ faults: [], unhandled: [] })
    expect(await child.ask("close")).toEqual({ unhandled: [] })
  })
})
