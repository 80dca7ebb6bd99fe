/** Files that never rest are left alone for longer and longer, up to a bound. */
import { expect, it } from "vitest"
import { Unrest } from "../../src/store/scan/unrest.ts"

const MIB = 2 ** 20

function unrest() {
  const clock = { time: 0, now: () => clock.time }
  return { clock, unrest: new Unrest(400, clock) }
}

/** ms of the pauses of a file that is met in unrest so many times. */
function pauses(times: number, vain = 0): number[] {
  const { clock, unrest: places } = unrest()
  return Array.from({ length: times }, () => {
    places.leave("a", vain)
    const pause = places.next()!
    clock.time += pause
    expect(places.isResting("a")).toBe(false)
    return pause
  })
}

it("pauses grow up to half a minute", () => {
  expect(pauses(12)).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, ...Array(4).fill(30_000)])
})

it("the more was read in vain, the longer the last pauses are: in the long run 4 MiB a second, and no more than six hours", () => {
  expect(pauses(10, 100 * MIB).at(-1)).toBe(30_000)
  expect(pauses(20, 1024 * MIB).at(-1)).toBe(256_000)
  expect(pauses(40, 2 ** 50).at(-1)).toBe(6 * 3_600_000)
  expect(pauses(1, 2 ** 50)).toEqual([200])
})

it("a place is left alone until its pause is over, whoever tells of it, and begins anew once it has rested", () => {
  const { clock, unrest: places } = unrest()
  places.leave("a")
  places.leave("a")
  places.leave("b")
  expect([places.size, places.isResting("a"), places.isResting("b"), places.next()]).toEqual([2, true, true, 200])
  clock.time = 200
  expect([places.isResting("a"), places.isResting("b"), places.next()]).toEqual([true, false, 0])
  places.settle("a")
  expect([places.has("a"), places.isResting("a")]).toEqual([false, false])
  places.leave("a")
  clock.time = 400
  expect(places.isResting("a")).toBe(false)
})

it("what waits no more is forgotten, and so are the oldest of too many", () => {
  const { unrest: places } = unrest()
  for (const key of ["a", "b", "c"]) places.leave(key)
  places.keep(new Set(["b"]))
  expect([places.has("a"), places.has("b"), places.size]).toEqual([false, true, 1])
  for (let index = 0; index < 10_000; index += 1) places.leave(`k${index}`)
  expect([places.has("b"), places.has("k0"), places.size]).toEqual([false, true, 10_000])
  places.keep(new Set())
  expect([places.size, places.next()]).toEqual([0, null])
})
