/**
 * A process that receives blobs of all sizes into staging for as long as it lives, 16 at a time, and writes `<id> <size>` for each that was acknowledged.
 * Fault tests kill it: `node staging-writer.ts <directory> [os]`; with `os`, nothing is made durable.
 */
import { randomBytes, randomInt } from "node:crypto"
import { writeSync } from "node:fs"
import { createHashers } from "../../src/checksums/hashers.ts"
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

async function lane(): Promise<never> {
  for (;;) {
    const size = [randomInt(200), randomInt(8000), randomInt(130_000), randomInt(400_000)][randomInt(4)]!
    const bytes = randomBytes(size)
    const source = randomInt(2) ? inMemory(bytes) : streaming(bytes)
    const received = ledger.commit(await staging.receive(source, { algorithm: "sha256", durable }))
    writeSync(1, `${received.id} ${size}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, lane))
