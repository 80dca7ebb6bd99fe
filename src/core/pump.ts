/**
 * Moves bytes through a ring of buffers: while one is looked at (hashed), the next are being read and the last ones written. Two buffers do for a
 * source that is read ahead by the system, three and more keep a disk busy. When it ends, well or not, no call is under way any more and the buffers
 * are the caller's again.
 */

export interface Pump {
  /** buffers of one size, used in turn */
  ring: Buffer[]
  /** bytes that are expected: nothing is read far behind them. Absent: unknown */
  size?: number
  /** Fills the buffer from `position`. How many bytes came; fewer than it has room for at the end only. */
  read(buffer: Buffer, position: number): Promise<number>
  /** Looks at each chunk, in order, while it is being written; may throw to stop everything. Absent: nobody looks. */
  look?(chunk: Buffer, position: number): void
  /** Writes the first `length` bytes of the buffer. Absent: they go nowhere. */
  write?(buffer: Buffer, length: number, position: number): Promise<void>
}

/**
 * @returns how many bytes there were. Of a source that has more than `size` it may see some of them only.
 * @throws whatever the parts throw, the earliest of it
 */
export async function pump({ ring, size = Number.POSITIVE_INFINITY, read, look, write }: Pump): Promise<number> {
  const bytes = ring[0]!.length
  const reading: Promise<number>[] = []
  const writing: Promise<void>[] = ring.map(() => Promise.resolve())
  let next = 0
  const readTo = (last: number): void => {
    for (; next <= last && next * bytes <= size; next += 1) {
      const [slot, position] = [next % ring.length, next * bytes]
      reading[slot] = handled(writing[slot]!.then(() => read(ring[slot]!, position)))
    }
  }
  const written = (): Promise<unknown> => Promise.all(writing)
  try {
    readTo(ring.length - 1)
    for (let index = 0; index < next; index += 1) {
      const [slot, position] = [index % ring.length, index * bytes]
      const length = await reading[slot]!
      const buffer = ring[slot]!
      if (length > 0 && write) writing[slot] = handled(write(buffer, length, position))
      if (length > 0) look?.(buffer.subarray(0, length), position)
      if (length < bytes) return await written().then(() => position + length)
      readTo(index + ring.length)
    }
    return await written().then(() => next * bytes)
  } finally {
    await Promise.allSettled([...writing, ...reading])
  }
}

/** Met later. Until then a failure must not count as one that nobody handles. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
