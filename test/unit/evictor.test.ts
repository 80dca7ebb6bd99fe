/** The evictor by itself: a long list of what may not go is walked without keeping everybody else from their turn. */
import { expect, test } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import { Evictor } from "../../src/staging/evictor.ts"
import { Holds } from "../../src/staging/holds.ts"
import type { EvictionLedger } from "../../src/staging/staging.ts"

const PAGES = 5

/** A ledger that answers at once, page after page, and refuses everything. */
function refusing(onPage: () => void): EvictionLedger {
  return {
    evictable: async ({ limit, after }) => {
      onPage()
      const page = Number(after ?? 0) + 1
      const entries = Array.from({ length: limit }, (_, index) => {
        return { id: `sha256:${page}-${index}` as BlobId, size: 1, lastRead: 1 }
      })
      return { entries, cursor: page < PAGES ? String(page) : null }
    },
    commitEvict: async () => false,
    usage: () => ({ bytes: 0, entries: 0, pinnedBytes: 0, pinnedEntries: 0 }),
  }
}

test("others get their turn between the pages of what is refused", async () => {
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const seen: number[] = []
  const evictor = new Evictor(
    refusing(() => void seen.push(turns)),
    new Holds(() => {}),
    async () => {},
  )
  expect(await evictor.evict("all")).toEqual({ evicted: 0, bytes: 0 })
  isOver = true
  expect(seen).toHaveLength(PAGES)
  expect(new Set(seen).size, `turns before each page: ${seen}`).toBe(PAGES)
})
