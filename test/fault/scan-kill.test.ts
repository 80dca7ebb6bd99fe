/** A scan that is killed on the way goes on where it was (A18); in full length by `npm run fault -- --scan 1000000`. */
import { expect, it } from "vitest"
import { temporaryDirectory } from "../flow/open-store.ts"
import { SeededRandom } from "./kill-random.ts"
import { scanUnderKills } from "./scan-loop.ts"

it("a scan killed on the way reads nothing again that it knew", { timeout: 120_000 }, async () => {
  const directory = await temporaryDirectory()
  const random = new SeededRandom(11)
  const result = await scanUnderKills({ directory, files: 3_000, kills: 2, random, say: () => {} })
  expect(result.failures).toEqual([])
  expect(result).toMatchObject({ kills: 2, again: 0 })
  expect(result.repeated).toBeLessThanOrEqual(result.allowed)
})
