/** What the cases of the staging contract share: opening an implementation, sizes that go different ways, files to put. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { onTestFinished } from "vitest"
import type { BlobId } from "../../../src/core/blob-id.ts"
import type { BlobSource } from "../../../src/core/blob-source.ts"
import type { Received, ReceiveOptions, Staging } from "../../../src/staging/staging.ts"
import { TestLedger } from "../staging-ledger.ts"

export interface StagingUnderTest {
  staging: Staging
  /** changes staged bytes behind its back */
  damage(id: BlobId, kind: "flip" | "truncate"): Promise<void>
}

export interface StagingSettings {
  maxSize: number | null
  evict: boolean
  ledger: TestLedger
}

export const OPTIONS: ReceiveOptions = { algorithm: "sha256", durable: true }
export const SMALL = 1000
export const MIDDLE = 200_000
export const LARGE = 3 * 2 ** 20 + 7

/** What a test gets: staging that is open and closed after it, and a ledger that decides what may go. */
export type OpenStaging = ReturnType<typeof opener>

export function opener(make: (settings: StagingSettings) => Promise<StagingUnderTest>) {
  return async (settings: Partial<Omit<StagingSettings, "ledger">> = {}) => {
    const ledger = new TestLedger()
    const made = await make({ maxSize: null, evict: true, ...settings, ledger })
    onTestFinished(() => made.staging.close())
    const { staging } = made
    const put = async (source: BlobSource, pinned = false): Promise<Received> =>
      ledger.commit(await staging.receive(source, OPTIONS), { pinned })
    return { ...made, ledger, put, listed: () => listed(staging) }
  }
}

export async function listed(staging: Staging): Promise<BlobId[]> {
  const ids: BlobId[] = []
  for await (const { id } of staging.list()) ids.push(id)
  return ids.toSorted()
}

export async function fileOf(bytes: Uint8Array): Promise<BlobSource> {
  const directory = await mkdtemp(join(tmpdir(), "stored-staging-source-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, "file")
  await writeFile(path, bytes)
  return { size: bytes.length, path, read: () => Readable.from([bytes], { objectMode: false }) }
}
