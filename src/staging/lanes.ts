/**
 * Runs work on many items, a few at a time: enough that flushes of the disk are shared, and few enough to leave Node's four pool
 * threads to those who wait for them.
 */
const LANES = 2

/** The first failure ends it, once what runs has ended. */
export async function inLanes<Item>(items: Iterable<Item>, work: (item: Item) => Promise<unknown>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failed = false
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done && !failed; next = iterator.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane))
  for (const end of ends) if (end.status === "rejected") throw end.reason
}
