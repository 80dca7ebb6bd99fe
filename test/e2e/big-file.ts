/** Makes a large file of pseudo-random bytes, fast: one random block again and again, each time stamped with its number. Not sparse. */
import { open } from "node:fs/promises"

const BLOCK = 64 * 2 ** 20

/** @param size bytes */
export async function makeBigFile(path: string, size: number, seed: number): Promise<void> {
  const block = Buffer.allocUnsafe(BLOCK)
  let state = seed >>> 0 || 1
  for (let at = 0; at < BLOCK; at += 4) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    block.writeInt32LE(state | 0, at)
  }
  const file = await open(path, "wx")
  try {
    for (let written = 0, number = 0; written < size; number += 1) {
      for (let at = 0; at < BLOCK; at += 2 ** 20) block.writeUInt32LE(number, at)
      const length = Math.min(BLOCK, size - written)
      await file.write(block, 0, length)
      written += length
    }
  } finally {
    await file.close()
  }
}
