/** Work on many items, so many at a time. */

/** Runs `work` on each item, at most `count` at a time; the first error that is thrown stops it. */
export async function inParallel<T>(
  source: AsyncIterable<T>,
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]()
  let turn: Promise<unknown> = Promise.resolve()
  let isOver = false
  const next = (): Promise<IteratorResult<T>> => {
    const taken = turn.then(() => iterator.next())
    turn = taken.catch(() => {})
    return taken
  }
  const lane = async (): Promise<void> => {
    try {
      for (let item = await next(); !item.done && !isOver; item = await next()) await work(item.value)
    } catch (error) {
      isOver = true
      throw error
    }
  }
  // Nothing is closed while another lane is still at work.
  const ends = await Promise.allSettled(Array.from({ length: count }, lane))
  const failed = ends.find((end) => end.status === "rejected")
  if (!failed) return
  await iterator.return?.()
  throw failed.reason
}
