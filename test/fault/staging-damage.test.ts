/** Row 26: a hundred staged blobs are damaged behind the back of staging. None is ever given as good, and a re-put heals each. */
import { open } from "node:fs/promises"
import fc from "fast-check"
import { expect, it } from "vitest"
import type { Staging } from "../../src/staging/staging.ts"
import { contentFile } from "../contract/staging-damage.ts"
import { bytesOf, collect, inMemory, streaming } from "../contract/staging-sources.ts"
import { openStaging } from "./staging-open.ts"

type Damage = (path: string, size: number, place: number) => Promise<void>

async function rewrite(
  path: string,
  change: (file: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
): Promise<void> {
  await using file = await open(path, "r+")
  await change(file)
}

const DAMAGES: Damage[] = [
  (path, _size, place) =>
    rewrite(path, async (file) => {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, place)
      buffer[0]! ^= 1 << (place % 8)
      await file.write(buffer, 0, 1, place)
    }),
  (path, _size, place) => rewrite(path, (file) => file.truncate(place)),
  (path) => rewrite(path, (file) => file.truncate(0)),
  (path, size) => rewrite(path, (file) => file.write(bytesOf(1 + (size % 100)), 0, null, size)),
  (path, size) => rewrite(path, (file) => file.write(Buffer.alloc(Math.min(size, 4096)), 0, null, 0)),
]

async function refuses(staging: Staging, id: Parameters<Staging["read"]>[0], size: number): Promise<void> {
  const corrupt = { code: "CORRUPT" }
  await expect(staging.readBuffer(id, size)).rejects.toMatchObject(corrupt)
  await expect(staging.read(id, size).then(collect)).rejects.toMatchObject(corrupt)
  expect(await staging.check(id, size)).toBe("corrupt")
}

it("a hundred damaged blobs are never given as good, and heal", async () => {
  const seed = Date.now()
  console.info(`fast-check seed ${seed}`)
  const { directory, staging, put } = await openStaging()
  const size = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 400_000 }), fc.constant(2_500_000))
  await fc.assert(
    fc.asyncProperty(
      size,
      fc.nat(DAMAGES.length - 1),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (length, kind, where) => {
        const bytes = bytesOf(length)
        const { id } = await put(inMemory(bytes))
        await DAMAGES[kind]!(contentFile(directory, id), length, Math.min(length - 1, Math.floor(where * length)))
        await refuses(staging, id, length)
        for (const source of [streaming(bytes), inMemory(bytes)]) {
          await put(source)
          expect((await staging.readBuffer(id, length)).equals(bytes)).toBe(true)
        }
        await staging.remove(id)
      },
    ),
    { seed, numRuns: 100 },
  )
})
