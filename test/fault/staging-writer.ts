/**
 * A process that receives blobs of all sizes into staging for as long as it lives, 16 at a time, and writes `<id> <size>` for each that was acknowledged.
 * Fault tests kill it: `node staging-writer.ts <directory> [os]`; with `os`, nothing is made durable.
 */
import { randomBytes, randomInt } from "node:crypto"
import { mkdirSync, writeSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { createHashers } from "../../src/checksums/hashers.ts"
import type { BlobSource } from "../../src/core/blob-source.ts"
import { ContentStaging } from "../../src/staging/content-staging.ts"
import { TestLedger } from "../contract/staging-ledger.ts"
import { inMemory, streaming } from "../contract/staging-sources.ts"

const durable = process.argv[3] !== "os"
const ledger = new TestLedger()
const staging = new ContentStaging({
  directory: process.argv[2]!,
  maxSize: null,
  minFree: 0,
  evict: false,
  hashers: await createHashers(),
  ledger,
  clock: { now: () => Date.now() },
})
await staging.open()
await staging.recover(() => true)

/** Beside the staging directory, and so the caller's to remove. */
const files = `${process.argv[2]}-sources`
mkdirSync(files, { recursive: true })

/** One in 32 is large enough to go past the page cache, by stream or from a file. */
async function nextSource(lane: number): Promise<{ size: number; source: BlobSource }> {
  const large = randomInt(32) === 0
  const sizes = large
    ? [randomInt(6_000_000)]
    : [randomInt(200), randomInt(8000), randomInt(130_000), randomInt(400_000)]
  const size = sizes[randomInt(sizes.length)]!
  const bytes = randomBytes(size)
  if (!large || randomInt(2)) return { size, source: randomInt(2) ? inMemory(bytes) : streaming(bytes) }
  const path = join(files, String(lane))
  await writeFile(path, bytes)
  return { size, source: { ...streaming(bytes), size, path } }
}

async function receiveAll(lane: number): Promise<never> {
  for (;;) {
    const { size, source } = await nextSource(lane)
    const received = ledger.commit(await staging.receive(source, { algorithm: "sha256", durable }))
    writeSync(1, `${received.id} ${size}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, (_, lane) => receiveAll(lane)))
