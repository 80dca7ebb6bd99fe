/** When something is as it was. */
import { describe, expect, it } from "vitest"
import { isSameState, type SeenState, seenState } from "../../src/core/seen-state.ts"

const SEEN: SeenState = { size: 3, modified: 500, etag: "e", file: "f" }

describe("the state of what lies somewhere", () => {
  it("keeps what it is compared by, and nothing that was not told", () => {
    const found = { ...SEEN, id: "x", mimeType: "text/plain" }
    expect(seenState(found)).toEqual(SEEN)
    expect(Object.keys(seenState({ size: 3, modified: 500 }))).toEqual(["size", "modified"])
  })

  it.each<[string, Partial<SeenState>, boolean]>([
    ["nothing has changed", {}, true],
    ["it is called something else", { file: "g" }, true],
    ["only the time is another one, and the etag says it is as it was", { modified: 501 }, true],
    ["the etag is another one", { etag: "f" }, false],
    ["the size is another one", { size: 4 }, false],
  ])("is compared by the etag where both have one: %s", (_, change, same) => {
    expect(isSameState(SEEN, { ...SEEN, ...change })).toBe(same)
  })

  it("is compared by the time where one has no etag", () => {
    for (const [one, other] of [
      [SEEN, { size: 3, modified: 500 }],
      [{ size: 3, modified: 500 }, SEEN],
    ] as const) {
      expect(isSameState(one, other)).toBe(true)
      expect(isSameState(one, { ...other, modified: 500.5 })).toBe(false)
      expect(isSameState(one, { ...other, size: 0 })).toBe(false)
    }
  })
})
