/** Items of pages: in order whoever asks, and the pages end when the reader does. */
import { describe, expect, it } from "vitest"
import { PagedItems } from "../../src/store/paged.ts"

interface Seen {
  read: number
  ended: boolean
}

async function* pages(seen: Seen, counts: number[], fault?: Error): AsyncGenerator<number[], void, undefined> {
  let next = 0
  try {
    for (const count of counts) {
      await new Promise((resume) => setImmediate(resume))
      seen.read += 1
      yield Array.from({ length: count }, () => next++)
    }
    if (fault) throw fault
  } finally {
    seen.ended = true
  }
}

function seen(): Seen {
  return { read: 0, ended: false }
}

describe("items of pages", () => {
  it("come in order, over empty pages too, and end once", async () => {
    const state = seen()
    const items = new PagedItems(pages(state, [2, 0, 3]))
    const found: number[] = []
    for await (const item of items) found.push(item)
    expect(found).toEqual([0, 1, 2, 3, 4])
    expect(state).toEqual({ read: 3, ended: true })
    expect(await items.next()).toEqual({ done: true, value: undefined })
  })

  it("come in the order of the calls where nobody waits for the one before", async () => {
    const items = new PagedItems(pages(seen(), [2, 1, 3]))
    const results = await Promise.all(Array.from({ length: 9 }, () => items.next()))
    expect(results.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, undefined, undefined, undefined])
  })

  it("are read a page ahead at most, and a reader who leaves ends the pages", async () => {
    const state = seen()
    for await (const item of new PagedItems(pages(state, [2, 2, 2]))) if (item === 2) break
    expect(state).toEqual({ read: 2, ended: true })
  })

  it("that are left give nothing more, those of the page at hand neither", async () => {
    const items = new PagedItems(pages(seen(), [5]))
    await items.next()
    await items.return()
    expect(await items.next()).toEqual({ done: true, value: undefined })
  })

  it("fail where the pages fail, behind all that came before", async () => {
    const items = new PagedItems(pages(seen(), [2], new Error("no more")))
    const results = await Promise.allSettled([items.next(), items.next(), items.next(), items.next()])
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"])
    expect(results[3]).toMatchObject({ value: { done: true } })
  })
})
