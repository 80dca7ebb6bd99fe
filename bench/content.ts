/** Bytes to measure with: random, so that nothing compresses, and all different, so that nothing is stored once for many. */
import { randomFillSync } from "node:crypto"
import { mkdir, open, writeFile } from "node:fs/promises"
import { join } from "node:path"

export const KIB = 1024
export const MIB = 1024 * KIB
export const GIB = 1024 * MIB

export function sizeName(bytes: number): string {
  if (bytes >= GIB) return `${bytes / GIB} GiB`
  return bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / KIB} KiB`
}

/** `count` different buffers of `size` bytes. */
export function randomBuffers(count: number, size: number): Buffer[] {
  const all = randomFillSync(Buffer.allocUnsafeSlow(count * size))
  return Array.from({ length: count }, (_, index) => all.subarray(index * size, (index + 1) * size))
}

/** Writes each buffer to a file of its own. @returns the paths */
export async function writeFiles(directory: string, buffers: Buffer[]): Promise<string[]> {
  await mkdir(directory, { recursive: true })
  const paths = buffers.map((_, index) => join(directory, `source-${index}`))
  for (const [index, path] of paths.entries()) await writeFile(path, buffers[index]!)
  return paths
}

/** A random file of any size, written in pieces. */
export async function writeLargeFile(path: string, size: number): Promise<string> {
  await using file = await open(path, "wx")
  const piece = Buffer.allocUnsafeSlow(Math.min(size, 16 * MIB))
  for (let written = 0; written < size; written += piece.length) {
    randomFillSync(piece)
    await file.write(piece.subarray(0, size - written))
  }
  return path
}
